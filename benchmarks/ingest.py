"""A backlog from Kafka to committed Bronze and dead letters, against `from_json` on the same records without a sink.

Rounds alternate in one warm session; each writes a table of its own. What is measured is the work of the ingest query's
batch: the contract, the partitioned append, the commit.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks import harness
from cli.embedded import jars
from pipeline_workers.topics import ensure_topics
from spark_jobs.contracts import Table
from spark_jobs.jobs import tables
from spark_jobs.jobs.session import open_session
from spark_jobs.schemas import WIRE
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
            _produce(servers, options.events)
            found = sorted(str(jar) for jar in jars.ensure(harness.say).spark.glob("*.jar"))
            spark = open_session("penstock-bench", master="local[2]", jars=found, memory="3g")
            try:
                parse, bronze = _rounds(spark, servers, str(folder), options.events, options.rounds)
            finally:
                spark.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    ratio = statistics.median(own / other for own, other in zip(bronze, parse, strict=True))
    harness.report(
        {
            "benchmark": "ingest",
            "events": options.events,
            "rounds": options.rounds,
            "from_json_per_second": round(statistics.median(parse)),
            "bronze_per_second": round(statistics.median(bronze)),
            "ratio": round(ratio, 3),
            "goal": GOAL,
            "load_before": before,
            "load_after": harness.load_average(),
        }
    )
    return 0 if ratio >= GOAL else 1


def _produce(servers: str, events: int) -> None:
    """A million readings of the fleet, 2 % malformed, by the simulator itself."""
    argv = [sys.executable, "-m", "pipeline_workers.simulator", "--bootstrap-servers", servers, "--topic", TOPIC]
    argv += ["--telemetry-topic", TELEMETRY, "--max-events", str(events), "--rate", "0", "--sensors", "2000"]
    subprocess.run([*argv, "--malformed-rate", "0.02"], check=True, stdout=sys.stderr)


def _rounds(spark: SparkSession, servers: str, lake: str, events: int, rounds: int) -> tuple[list[float], list[float]]:
    records = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("subscribe", TOPIC)
        .option("includeHeaders", "true")
        .load()
    )
    parse: list[float] = []
    bronze: list[float] = []
    for number in range(rounds + 2):  # the first two warm the session
        one = events / _timed(lambda: _parse(records))
        tables.ensure_tables(spark, f"{lake}/{number}")
        two = events / _timed(lambda path=f"{lake}/{number}": _bronze(records, path))  # type: ignore[misc]
        harness.say(f"round {number - 1}: from_json {one:,.0f}/s, Bronze {two:,.0f}/s")
        if number > 1:
            parse.append(one)
            bronze.append(two)
    return parse, bronze


def _parse(records: DataFrame) -> None:
    parsed = records.select(F.from_json(F.col("value").cast("string"), WIRE))
    parsed.write.format("noop").mode("overwrite").save()


def _bronze(records: DataFrame, lake: str) -> None:
    rows = with_disposition(records).withColumn("ingest_seq", tables.stamp(1, "topic"))
    tables.append_once(rows, Table.BRONZE.under(lake), "bench", 1)


def _timed(work: Callable[[], None]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
