"""What the ledger costs: the stream's three jobs over a backlog with their counting and without, and the recording.

Each batch is taken twice in one warm session, one after the other and by turns the first: into one lake by the jobs as
they are, and into another by the same jobs with what they count for the ledger alone taken out (the verdicts, which
tell refine what to write, stay). What was told is recorded in a real PostgreSQL, as the collector does it. The cost is
the difference of the two, and the time of the recording, as shares of the time of the jobs as they are.

The machine's own swing from batch to batch is larger than the goal, so that no single difference says anything: each
job's is the median of its pairs, and the interval in which 90 % of resampled sums of them lie (bootstrap) is told.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
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
WARMING = 2
# What refine and aggregate take: a table, and the column by which a batch's rows are told.
BROUGHT = {1: (Table.BRONZE, "ingest_seq"), 2: (Table.SILVER, "refine_seq")}
EMPTY = to_arrow_schema(SILVER, timezone="UTC").empty_table()
JOBS = ("ingest", "refine", "aggregate")
RESAMPLES = 1000
Told = list[tuple[str, int, list[Entry]]]
Pair = tuple[float, float]  # seconds of the same batch: counted, bare


def main() -> int:
    """Exit 0 when the cost stays below the goal."""
    parser = argparse.ArgumentParser(prog="benchmarks.ledger", description=__doc__)
    parser.add_argument("--events", type=int, default=900_000, help="of the backlog (%(default)s)")
    parser.add_argument(
        "--batches", type=int, default=3, help="in which it is taken, as large as ingest makes them (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=12, help="that count (%(default)s)")
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
    pairs: list[list[Pair]] = [[] for _ in JOBS]
    recorded: list[float] = []
    for number in range(WARMING + options.rounds):
        taken, told = _round(spark, folder / str(number), batches, counting_first=bool(number % 2))
        recording = _record(pipeline, told, generation=number + 1)
        if number >= WARMING:
            recorded.append(recording)
            for job, found in zip(pairs, taken, strict=True):
                job.extend(found)
        told_of = ", ".join(f"{name} {_difference(found):+.3f} s" for name, found in zip(JOBS, taken, strict=True))
        harness.say(f"round {number + 1 - WARMING}: counting costs a batch {told_of}")
    whole = sum(statistics.median(counted for counted, _ in job) for job in pairs)
    recording = statistics.median(recorded) / options.batches / whole
    costs = sorted(_cost(pairs, whole, random.Random(seed)) for seed in range(RESAMPLES))
    counting = _cost(pairs, whole)
    return {
        "events": options.events,
        "batches": options.batches,
        "pairs": len(pairs[0]),
        "entries": sum(len(entries) for _, _, entries in told),
        "batch_seconds": {
            name: {
                "counted": round(statistics.median(counted for counted, _ in job), 3),
                "bare": round(statistics.median(bare for _, bare in job), 3),
                "difference": round(_difference(job), 3),
            }
            for name, job in zip(JOBS, pairs, strict=True)
        },
        "counting_cost": round(counting, 4),
        "counting_cost_90": [round(costs[RESAMPLES * percent // 100], 4) for percent in (5, 95)],
        "recording_cost": round(recording, 4),
        "cost": round(counting + recording, 4),
        "goal": GOAL,
    }


def _difference(pairs: list[Pair]) -> float:
    """Seconds by which counting takes longer, in the median of the pairs."""
    return statistics.median(counted - bare for counted, bare in pairs)


def _cost(pairs: list[list[Pair]], whole: float, resampled: random.Random | None = None) -> float:
    """Of all jobs, as a share of the time that a batch takes."""
    drawn = [resampled.choices(job, k=len(job)) for job in pairs] if resampled else pairs
    return sum(map(_difference, drawn)) / whole


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
        parts.append(_handed(spark, with_disposition(source.option("includeHeaders", "true").load())))
    return parts


def _handed(spark: SparkSession, rows: DataFrame) -> DataFrame:
    """As a stream hands them to what takes a batch: what comes before is a plan of its own, and is compiled apart."""
    planned, session = cast(Any, rows._jdf), cast(Any, spark._jsparkSession)
    return DataFrame(session.internalCreateDataFrame(planned.queryExecution().toRdd(), planned.schema(), False), spark)


def _round(
    spark: SparkSession, folder: Path, batches: list[DataFrame], *, counting_first: bool
) -> tuple[list[list[Pair]], Told]:
    """Seconds of each of the three jobs, by batch with counting and without, and what was told."""
    told: Told = []
    sides = [
        _Side(spark, str(folder / "counted"), (Ingest, Refine, Aggregate), told),
        _Side(spark, str(folder / "bare"), (BareIngest, BareRefine, BareAggregate), []),
    ]
    taken: list[list[Pair]] = [[] for _ in JOBS]
    for number, records in enumerate(batches):
        for job in range(len(JOBS)):
            first = (number + job + counting_first) % 2
            seconds = {side: sides[side].take(job, records, number) for side in (first, 1 - first)}
            taken[job].append((seconds[0], seconds[1]))
    shutil.rmtree(folder)
    return taken, told


class _Side:
    """A lake and the jobs that fill it."""

    def __init__(self, spark: SparkSession, lake: str, kinds: tuple[Any, ...], told: Told) -> None:
        tables.ensure_tables(lake)
        arguments = ContinuousArguments(
            pipeline="bench", version=1, generation=1, run_tag="bench", fencing_token=1, bootstrap_servers="none",
            topic=TOPIC, telemetry_topic="none", lake=lake, checkpoint="none", jars=(), sensor_types=TYPES,
        )  # fmt: skip
        self._spark, self._lake = spark, lake
        self._jobs = [kind(spark, arguments, cast(Telemetry, _Heard(told))) for kind in kinds]

    def take(self, job: int, records: DataFrame, number: int) -> float:
        """Seconds. What was left to collect, or to write to the disk, is done before."""
        jvm: Any = self._spark.sparkContext._jvm
        jvm.System.gc()
        gc.collect()
        os.sync()
        began = time.monotonic()
        rows = _rows(self._spark, self._lake, *BROUGHT[job], sequence(1, number)) if job else records
        self._jobs[job].take(rows, number)
        return time.monotonic() - began


def _rows(spark: SparkSession, lake: str, table: Table, column: str, seq: int) -> DataFrame:
    """What a batch has just brought to a table, of Bronze what is accepted."""
    rows = tables.read(spark, lake, table).where(F.col(column) == seq)
    return _handed(spark, rows.where("disposition = 'accepted'") if table == Table.BRONZE else rows)


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
