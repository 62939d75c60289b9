"""A backlog in Kafka, and how fast `from_json` alone reads it: the reference that others are held against."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks import harness
from cli.embedded import jars
from spark_jobs.jobs.session import open_session
from spark_jobs.schemas import WIRE

WARMING = 2  # rounds that count for nothing


def produce(events: int, sensors: int, options: list[str]) -> None:
    """Readings of the fleet at full speed, 2 % of them malformed, by the simulator itself."""
    argv = [sys.executable, "-m", "pipeline_workers.simulator", "--max-events", str(events), "--rate", "0"]
    argv += ["--sensors", str(sensors), "--malformed-rate", "0.02", *options]
    subprocess.run(argv, check=True, stdout=sys.stderr)


def session(memory: str) -> SparkSession:
    found = sorted(str(jar) for jar in jars.ensure(harness.say).spark.glob("*.jar"))
    return open_session("penstock-bench", master="local[2]", jars=found, memory=memory)


def records(spark: SparkSession, servers: str, topic: str) -> DataFrame:
    """All of the topic, as Spark's Kafka source gives it, with headers."""
    source = spark.read.format("kafka").option("kafka.bootstrap.servers", servers).option("subscribe", topic)
    return source.option("includeHeaders", "true").load()


def parse(messages: DataFrame) -> float:
    """Seconds of `from_json` over all of them, without a sink."""
    parsed = messages.select(F.from_json(F.col("value").cast("string"), WIRE))
    return timed(parsed.write.format("noop").mode("overwrite").save)


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started
