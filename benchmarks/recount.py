"""How long a recount of ten million readings takes, and a trace of one of them.

Ten days of readings are produced to Kafka and put into Bronze at the places where they are there. The batch job makes
Silver and Gold of them, the stream's own jobs of a short day more, and the loader fills the warehouse. Then the
accounts are recomputed, and single readings of every fate are traced, as a worker does both. The reference is the topic
read by the same client and nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import polars as pl
from confluent_kafka import Producer
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from benchmarks import backlog, harness
from benchmarks.batch import TYPES, Unheard
from benchmarks.controlplane import services
from cli.embedded.environment import PIPELINE, TOPIC
from spark_jobs.applications import BatchArguments, StageName
from spark_jobs.contracts import ContinuousArguments, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.batch_gold import BatchGold
from spark_jobs.jobs.batch_silver import BatchSilver
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.tables import LAYOUTS
from spark_jobs.jobs.telemetry import Telemetry

GOAL_RECOUNT, GOAL_TRACE = 60.0, 2.0  # seconds
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
PARTITIONS = 3
DAY_MICROS = 86_400_000_000
MOMENT = pl.Datetime("us", "UTC")
TRACES = 5  # of each fate and way to ask
UNHEARD = cast(Telemetry, Unheard())


def main() -> int:
    """Exit 0 when the accounts balance and both goals are reached."""
    parser = argparse.ArgumentParser(prog="benchmarks.recount", description=__doc__)
    parser.add_argument("--days", type=int, default=10, help="of readings (%(default)s)")
    parser.add_argument("--readings", type=int, default=1_000_000, help="a day (%(default)s)")
    parser.add_argument("--sensors", type=int, default=500, help="of the fleet (%(default)s)")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with services("postgres", "kafka", "redis") as (_, _, env):
        spark = backlog.session("3g")
        try:
            _fill(spark, env["PENSTOCK_BOOTSTRAP_SERVERS"], env["PENSTOCK_LAKE"], options)
        finally:
            spark.stop()
        result = _measure(env)
    result |= {"days": options.days, "sensors": options.sensors}
    result["reached"] = (
        not result["problems"] and result["recount_seconds"] <= GOAL_RECOUNT and result["trace_slowest"] <= GOAL_TRACE
    )
    harness.report({"benchmark": "recount", **result, "load_before": before, "load_after": harness.load_average()})
    return 0 if result["reached"] else 1


def _fill(spark: SparkSession, servers: str, lake: str, options: argparse.Namespace) -> None:
    from pipeline_workers.topics import ensure_topics

    ensure_topics(servers, TOPIC, f"{TOPIC}-telemetry")
    tables.ensure_tables(lake)
    next_offsets = np.zeros(PARTITIONS, np.int64)
    began = time.monotonic()
    for day in range(options.days + 1):
        # The last day, a short one, is the stream's: behind what that has judged the batch job judges all.
        streamed = day == options.days
        count = options.readings // 10 if streamed else options.readings
        rows = _readings(day, count, options.sensors, next_offsets, repeated=0.005 if streamed else 0)
        _produce(servers, rows)
        schema = to_arrow_schema(LAYOUTS[Table.BRONZE].schema, timezone="UTC")
        data = rows.select(schema.names).to_arrow().cast(schema)
        write_deltalake(Table.BRONZE.under(lake), data, mode="append")
    harness.say(f"Kafka and Bronze filled in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    streamed = FIRST + timedelta(days=options.days)
    arguments = ContinuousArguments(
        pipeline=PIPELINE, version=1, generation=1, run_tag="bench", fencing_token=1, bootstrap_servers="none",
        topic=TOPIC, telemetry_topic="none", lake=lake, checkpoint="none", jars=(), sensor_types=TYPES,
    )  # fmt: skip
    newest = tables.read(spark, lake, Table.BRONZE).where(F.col("ingest_date") == F.lit(streamed.date()))
    Refine(spark, arguments, UNHEARD).take(newest, 0)
    Aggregate(spark, arguments, UNHEARD).take(tables.read(spark, lake, Table.SILVER), 0)
    last = streamed - timedelta(days=1)
    told = BatchArguments(
        pipeline=PIPELINE, run_tag="bench", run=1, attempt=1, workspace="none", lake=lake, bootstrap_servers="none",
        stages=(StageName.BRONZE_TO_SILVER, StageName.SILVER_TO_GOLD), telemetry_topic="none",
        first_day=FIRST.date().isoformat(), last_day=last.date().isoformat(), version=1, jars=(), sensor_types=TYPES,
    )  # fmt: skip
    BatchSilver(spark, told, UNHEARD).run()
    BatchGold(spark, told, UNHEARD).run()
    harness.say(f"Silver and Gold made in {time.monotonic() - began:.0f} s")


def _readings(day: int, count: int, sensors: int, next_offsets: np.ndarray, repeated: float) -> pl.DataFrame:
    """A day's rows of Bronze in arrival order; moves `next_offsets`."""
    dice = np.random.default_rng(day)
    sensor = np.arange(count) % sensors
    partition = sensor % PARTITIONS
    offset = np.zeros(count, np.int64)
    for number in range(PARTITIONS):
        here = np.flatnonzero(partition == number)
        offset[here] = next_offsets[number] + np.arange(len(here))
        next_offsets[number] += len(here)
    arrived = np.arange(count) * DAY_MICROS // count
    at = arrived.copy()
    late = np.flatnonzero(dice.random(count) < 0.005)
    # Not at the time of another reading, which would make a duplicate of it.
    at[late] = np.maximum(at[late] - dice.integers(11, 50, len(late)) * 60_000_000, 0) + 1 + late
    again = np.flatnonzero(dice.random(count) < repeated)
    again = again[again >= sensors]
    at[again] = at[again - sensors]
    start = int((FIRST + timedelta(days=day)).timestamp() * 1e6)
    names = np.array([f"sensor-{number:05}" for number in range(sensors)])
    frame = pl.DataFrame(
        {
            "ingest_seq": np.full(count, sequence(1, day)),
            "partition": partition,
            "offset": offset,
            "kafka_timestamp": start + arrived,
            "sensor_id": names[sensor],
            "timestamp": start + at,
            "value": np.round(dice.normal(20, 2, count), 3),
        }
    )
    constants = {"topic": TOPIC, "sensor_type": "temperature", "unit": "celsius", "disposition": "accepted"}
    nothing = dict.fromkeys(("reason", "key", "payload", "headers"))
    return frame.with_columns(
        pl.col("kafka_timestamp", "timestamp").cast(MOMENT),
        pl.format("floor-{}", pl.col("partition")).alias("location"),
        pl.lit((FIRST + timedelta(days=day)).date()).alias("ingest_date"),
        *(pl.lit(value).alias(name) for name, value in {**constants, **nothing}.items()),
    )


def _produce(servers: str, rows: pl.DataFrame) -> None:
    """The same readings as JSON, each in its partition, in order."""
    wire = rows.select("partition", "sensor_id", pl.col("timestamp").dt.to_string("iso:strict"), "value", "location")
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "compression.type": "lz4", "acks": "all"})
    for partition, sensor, at, value, location in wire.iter_rows():
        payload = (
            f'{{"sensor_id":"{sensor}","sensor_type":"temperature","timestamp":"{at}","value":{value},'
            f'"unit":"celsius","location":"{location}"}}'
        )
        while True:
            try:
                producer.produce(TOPIC, payload, key=sensor, partition=partition)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(120):
        raise SystemExit("Kafka did not take all readings")


def _measure(env: dict[str, str]) -> dict[str, Any]:
    from controlplane.pipelines.services import pipeline_ensure
    from pipeline_workers.inquiries.delays import delays
    from pipeline_workers.inquiries.recounting import recount
    from pipeline_workers.loaders.postgres import PostgresLoader
    from pipeline_workers.verification import kafka

    pipeline = pipeline_ensure(name=PIPELINE, topic=TOPIC)
    loader = PostgresLoader(env["PENSTOCK_WAREHOUSE_URL"])
    loader.ensure_schema()
    loaded = _timed(lambda: loader.load(1, env["PENSTOCK_LAKE"]))
    harness.say(f"{loaded[1].windows} rows loaded in {loaded[0]:.0f} s")
    bronze = pl.DataFrame(
        DeltaTable(Table.BRONZE.under(env["PENSTOCK_LAKE"])).to_pyarrow_table(columns=["partition", "offset"])
    )
    ends = dict(bronze.group_by("partition").agg(pl.col("offset").max()).iter_rows())
    reading, _ = _timed(lambda: kafka.partition_offsets(env["PENSTOCK_BOOTSTRAP_SERVERS"], TOPIC, ends))
    seconds, found = _timed(lambda: recount(pipeline))
    harness.say(f"recounted in {seconds:.1f} s")
    traces = _traces(pipeline, env["PENSTOCK_LAKE"])
    late, _ = _timed(lambda: delays(pipeline, {}))
    return {
        "readings": found["kafka"],
        "counts": {
            name: found[name] for name in ("accepted", "silver", "duplicates", "deferred", "warehouse_readings")
        },
        "problems": found["problems"],
        "recount_seconds": round(seconds, 1),
        "recount_goal": GOAL_RECOUNT,
        "topic_read_seconds": round(reading, 1),
        "trace_median": {name: round(statistics.median(taken), 3) for name, taken in traces.items()},
        "trace_slowest": round(max(max(taken) for taken in traces.values()), 3),
        "trace_goal": GOAL_TRACE,
        "watermark_seconds": round(late, 1),
    }


def _traces(pipeline: Any, lake: str) -> dict[str, list[float]]:
    """Seconds of traces of readings that were kept and that were repeated, and of one that is not there."""
    from pipeline_workers.inquiries.tracing import trace

    silver = pl.DataFrame(
        DeltaTable(Table.SILVER.under(lake)).to_pyarrow_table(columns=["partition", "offset", "sensor_id", "timestamp"])
    )
    aside = pl.DataFrame(
        DeltaTable(Table.SET_ASIDE.under(lake)).to_pyarrow_table(
            columns=["partition", "offset", "sensor_id", "timestamp"]
        )
    )
    taken: dict[str, list[float]] = {}

    def asked(name: str, question: dict[str, Any], state: str) -> None:
        seconds, found = _timed(lambda: trace(pipeline, question))
        if found["records"][0]["steps"][-1]["state"] != state:
            raise SystemExit(f"{question}: {found['words']}")
        taken.setdefault(name, []).append(seconds)

    asked("first", {"partition": 0, "offset": 0}, "present")
    for row in silver.sample(TRACES, seed=1).iter_rows(named=True):
        asked("kept_by_place", {"partition": row["partition"], "offset": row["offset"]}, "present")
        named = {"sensor_id": row["sensor_id"], "timestamp": row["timestamp"].isoformat()}
        asked("kept_by_sensor_and_time", named, "present")
    for row in aside.sample(TRACES, seed=1).iter_rows(named=True):
        asked("set_aside_by_place", {"partition": row["partition"], "offset": row["offset"]}, "stopped")
    asked("not_there_yet", {"partition": 0, "offset": 10**12}, "missing")
    return taken


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.monotonic()
    found = work()
    return time.monotonic() - began, found


if __name__ == "__main__":
    sys.exit(main())
