"""A backlog from Kafka to committed Bronze and dead letters, against `from_json` on the same records without a sink.

Rounds alternate in one warm session; each writes a table of its own. What is measured is the work of the ingest query's
batch: the contract, the partitioned append, the commit.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from benchmarks import backlog, harness
from pipeline_workers.topics import ensure_topics
from spark_jobs.contracts import Table
from spark_jobs.jobs import tables
from spark_jobs.jobs.appended import AppendedTable
from spark_jobs.transforms.parse import with_disposition

TOPIC, TELEMETRY = "bench-ingest", "bench-ingest-telemetry"
GOAL = 0.4


def main() -> int:
    """Exit 0 when the ratio reaches the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bootstrap-servers", help="a broker that is there; else one is started")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    folder = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
    try:
        with harness.broker(options.bootstrap_servers) as servers:
            ensure_topics(servers, TOPIC, TELEMETRY)
            to = ["--bootstrap-servers", servers, "--topic", TOPIC, "--telemetry-topic", TELEMETRY]
            backlog.produce(options.events, 2000, to)
            spark = backlog.session("3g")
            try:
                parse, bronze = _rounds(spark, servers, str(folder), options.rounds)
            finally:
                spark.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratio = statistics.median(other / own for own, other in zip(bronze, parse, strict=True))
    harness.report(
        {
            "benchmark": "ingest",
            "events": options.events,
            "rounds": options.rounds,
            "from_json_per_second": round(options.events / statistics.median(parse)),
            "bronze_per_second": round(options.events / statistics.median(bronze)),
            "ratio": round(ratio, 3),
            "goal": GOAL,
            "load_before": before,
            "load_after": harness.load_average(),
        }
    )
    return 0 if ratio >= GOAL else 1


def _rounds(spark: SparkSession, servers: str, lake: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of `from_json` and of Bronze, of each round that counts."""
    messages = backlog.records(spark, servers, TOPIC)
    parse: list[float] = []
    bronze: list[float] = []
    for number in range(backlog.WARMING + rounds):
        path = f"{lake}/{number}"
        tables.ensure_tables(path)
        parse.append(backlog.parse(messages))
        bronze.append(backlog.timed(partial(_bronze, messages, path)))
        harness.say(f"round {number + 1 - backlog.WARMING}: from_json {parse[-1]:.1f} s, Bronze {bronze[-1]:.1f} s")
    return parse[backlog.WARMING :], bronze[backlog.WARMING :]


def _bronze(records: DataFrame, lake: str) -> None:
    rows = with_disposition(records).withColumn("ingest_seq", tables.stamp(1, "topic"))
    AppendedTable(lake, Table.BRONZE, "bench", "bench").append(rows, 1)


if __name__ == "__main__":
    sys.exit(main())
