"""What the ledger costs: the stream's three jobs over a backlog with their counting and without, and the recording.

Rounds alternate in one warm session, each over a lake of its own: the jobs as they are, and the same jobs with what
they count for the ledger alone taken out (the verdicts, which tell refine what to write, stay). What was told is
recorded in a real PostgreSQL, as the collector does it. The cost is the difference of the two, and the time of
the recording, as shares of the time of the jobs as they are. Each job's time is the median of its rounds: of a whole
round, which takes as long as a collection of garbage or two, none is like another to three in a hundred.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from benchmarks import backlog, harness
from benchmarks.batch import TYPES
from benchmarks.controlplane import services
from cli.embedded.environment import PIPELINE, TOPIC
from spark_jobs.contracts import ContinuousArguments, Entry, Table, sequence
from spark_jobs.jobs import aggregate, tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.ingest import Ingest
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.schemas import SILVER
from spark_jobs.transforms.parse import with_disposition

GOAL = 0.03
WARMING = 1
# What refine and aggregate take: a table, and the column by which a batch's rows are told.
BROUGHT = {1: (Table.BRONZE, "ingest_seq"), 2: (Table.SILVER, "refine_seq")}
EMPTY = to_arrow_schema(SILVER, timezone="UTC").empty_table()
Told = list[tuple[str, int, list[Entry]]]


def main() -> int:
    """Exit 0 when the cost stays below the goal."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger", description=__doc__)
    parser.add_argument("--events", type=int, default=900_000, help="of the backlog (%(default)s)")
    parser.add_argument(
        "--batches", type=int, default=3, help="in which it is taken, as large as ingest makes them (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=15, help="that count (%(default)s)")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with services("postgres", "kafka", "redis") as (home, _, env):
        from pipeline_workers.topics import ensure_topics

        servers = env["PENSTOCK_BOOTSTRAP_SERVERS"]
        ensure_topics(servers, TOPIC, env.get("PENSTOCK_TELEMETRY_TOPIC", "penstock.telemetry"))
        backlog.produce(options.events, 2000, ["--bootstrap-servers", servers, "--topic", TOPIC])
        spark = backlog.session("3g")
        try:
            result = _measure(spark, servers, home.root / "bench", options)
        finally:
            spark.stop()
    harness.report({"benchmark": "ledger", **result, "load_before": before, "load_after": harness.load_average()})
    return 0 if result["cost"] < GOAL else 1


def _measure(spark: SparkSession, servers: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from controlplane.pipelines.services import pipeline_ensure

    pipeline = pipeline_ensure(name=PIPELINE, topic=TOPIC)
    batches = _batches(spark, servers, options.batches)
    taken: dict[str, list[list[float]]] = {"counted": [], "bare": []}
    recorded: list[float] = []
    told: Told = []
    for number in range(WARMING + options.rounds):
        # Which of them goes first changes, so that what one leaves to the other evens out.
        for name in ("counted", "bare") if number % 2 else ("bare", "counted"):
            lake = folder / f"{number}-{name}"
            seconds, heard = _round(spark, str(lake), batches, counting=name == "counted")
            shutil.rmtree(lake)
            taken[name].append(seconds)
            told = heard if name == "counted" else told
        recorded.append(_record(pipeline, told, generation=number + 1))
        told_of = ", ".join(f"{name} {sum(of[-1]):.2f} s" for name, of in taken.items())
        harness.say(f"round {number + 1 - WARMING}: {told_of}")
    jobs = {name: [statistics.median(job) for job in zip(*of[WARMING:], strict=True)] for name, of in taken.items()}
    whole = sum(jobs["counted"])
    counting, recording = 1 - sum(jobs["bare"]) / whole, statistics.median(recorded[WARMING:]) / whole
    return {
        "events": options.events,
        "batches": options.batches,
        "rounds": options.rounds,
        "entries": sum(len(entries) for _, _, entries in told),
        "seconds": {name: [round(each, 2) for each in of] for name, of in jobs.items()},
        "counting_cost": round(counting, 4),
        "recording_cost": round(recording, 4),
        "cost": round(counting + recording, 4),
        "goal": GOAL,
    }


def _batches(spark: SparkSession, servers: str, count: int) -> list[DataFrame]:
    """The topic in so many parts, by offset."""
    ends = backlog.records(spark, servers, TOPIC).groupBy("partition").agg(F.max("offset")).collect()
    sizes = {partition: last + 1 for partition, last in ends}
    parts = []
    for number in range(count):
        bounds = [
            json.dumps({TOPIC: {str(name): size * at // count for name, size in sizes.items()}})
            for at in (number, number + 1)
        ]
        source = spark.read.format("kafka").option("kafka.bootstrap.servers", servers).option("subscribe", TOPIC)
        source = source.option("startingOffsets", bounds[0]).option("endingOffsets", bounds[1])
        parts.append(with_disposition(source.option("includeHeaders", "true").load()))
    return parts


def _round(spark: SparkSession, lake: str, batches: list[DataFrame], *, counting: bool) -> tuple[list[float], Told]:
    """Seconds of each of the three jobs, and what they told."""
    tables.ensure_tables(lake)
    heard: Told = []
    arguments = ContinuousArguments(
        pipeline="bench", version=1, generation=1, run_tag="bench", fencing_token=1, bootstrap_servers="none",
        topic=TOPIC, telemetry_topic="none", lake=lake, checkpoint="none", jars=(), sensor_types=TYPES,
    )  # fmt: skip
    told = cast(Telemetry, _Heard(heard))
    kinds = (Ingest, Refine, Aggregate) if counting else (BareIngest, BareRefine, BareAggregate)
    ingest, refine, gold = (kind(spark, arguments, told) for kind in kinds)
    taken = [0.0, 0.0, 0.0]
    for number, records in enumerate(batches):
        seq = sequence(1, number)
        for job, take in enumerate((ingest.take, refine.take, gold.take)):
            began = time.monotonic()
            if job:
                records = _rows(spark, lake, *BROUGHT[job], seq)
            take(records, number)
            taken[job] += time.monotonic() - began
    return taken, heard


def _rows(spark: SparkSession, lake: str, table: Table, column: str, seq: int) -> DataFrame:
    """What a batch has just brought to a table, of Bronze what is accepted."""
    rows = tables.read(spark, lake, table).where(F.col(column) == seq)
    return rows.where("disposition = 'accepted'") if table == Table.BRONZE else rows


def _record(pipeline: Any, told: Told, generation: int) -> float:
    from controlplane.ledger.services import entries_record

    began = time.monotonic()
    for query, batch, entries in told:
        entries_record(pipeline=pipeline, query=query, generation=generation, batch=batch, entries=entries)
    return time.monotonic() - began


class _Heard:
    """Takes telemetry, and keeps its entries."""

    def __init__(self, heard: Told) -> None:
        self._heard = heard

    def batch_committed(self, query: str, batch: int, entries: Iterable[Entry], **_: Any) -> None:
        self._heard.append((str(query), batch, list(entries)))

    def send(self, message: Any) -> None:
        pass


class BareIngest(Ingest):
    """Commits, and counts nothing."""

    def _write(self, records: DataFrame, seq: int) -> tuple[dict[int, int], Counter[tuple[int, str]]]:
        self._bronze.append(records.withColumn("ingest_seq", tables.stamp(seq, "topic")), seq)
        return {}, Counter()


class BareRefine(Refine):
    """Asks which verdicts there are, and not of which hours."""

    def _summary(self, resolved: DataFrame) -> list[Row]:
        nothing = [F.lit(0).alias(name) for name in ("ingest_hour", "event_hour")]
        counted = resolved.groupBy("verdict").agg(F.count("*").alias("n"))
        return counted.select("verdict", *nothing, "n").collect()

    def take(self, accepted: DataFrame, batch: int) -> None:
        written = self._silver.written
        self._silver.written = lambda *_: EMPTY  # type: ignore[method-assign]
        try:
            super().take(accepted, batch)
        finally:
            self._silver.written = written  # type: ignore[method-assign]


class BareAggregate(Aggregate):
    """Merges, and tells of no entry."""

    def take(self, silver: DataFrame, batch: int) -> None:
        counting = aggregate._entries
        aggregate._entries = lambda *_: []
        try:
            super().take(silver, batch)
        finally:
            aggregate._entries = counting


if __name__ == "__main__":
    sys.exit(main())
