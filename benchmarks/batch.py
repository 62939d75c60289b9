"""A day from Bronze to Gold by the batch job, against a naive one and against itself with a month of history behind it.

The lake is one that refine and aggregate have filled: one reading in 200 late, one a duplicate. Rounds alternate in one
warm session. The job is measured from its first look at the lake to its last commit, its telemetry left out; the naive
one counts after each step, scores by window functions and reads Silver again for each Gold table. Both keep as many
readings. History is the same day, shifted, in Bronze, Silver and Gold.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from benchmarks import backlog, harness
from spark_jobs.applications import BatchArguments, StageName
from spark_jobs.contracts import ContinuousArguments, SensorTypeSpec, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.batch_gold import BatchGold
from spark_jobs.jobs.batch_silver import BatchSilver
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.tables import LAYOUTS
from spark_jobs.jobs.telemetry import Telemetry

GOAL, GOAL_HISTORY = 3.0, 1.2
DAY = datetime(2026, 3, 2, tzinfo=UTC)
TYPES = (SensorTypeSpec("temperature", "celsius", -20, 60, -40, 85, 10),)
BATCHES = 8
WARMING = 1
# Where a day's copy lies in time, and how its rows are numbered.
SHIFTED = {
    Table.BRONZE: (["timestamp", "kafka_timestamp"], "ingest_date"),
    Table.SILVER: (["timestamp", "kafka_timestamp"], "event_date"),
    Table.SENSOR_5MIN: (["window_start", "window_end"], "event_date"),
}


class Unheard:
    """Takes telemetry and sends it nowhere."""

    def batch_committed(self, *_: Any, **__: Any) -> None:
        pass

    def send(self, message: Any) -> None:
        pass


def main() -> int:
    """Exit 0 when both ratios reach their goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=1_000_000, help="of the day (%(default)s)")
    parser.add_argument("--sensors", type=int, default=100, help="of the fleet (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="that count (%(default)s)")
    parser.add_argument("--history", type=int, default=30, help="days behind the day (%(default)s)")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    folder = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
    spark = backlog.session("3g")
    try:
        result = _measure(spark, folder, options)
    finally:
        spark.stop()
        shutil.rmtree(folder, ignore_errors=True)
    harness.report({"benchmark": "batch", **result, "load_before": before, "load_after": harness.load_average()})
    return 0 if result["ratio"] >= GOAL and (not options.history or result["history_ratio"] <= GOAL_HISTORY) else 1


def _measure(spark: SparkSession, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    plain, behind = str(folder / "plain"), str(folder / "behind")
    started = time.monotonic()
    _fill(spark, plain, options.readings, options.sensors, options.history)
    shutil.copytree(plain, behind)
    for days in range(1, options.history + 1):
        _add_history(plain, behind, days, options.readings)
    harness.say(f"lakes filled in {time.monotonic() - started:.0f} s")
    job, naive, late = list[float](), list[float](), list[float]()
    for number in range(WARMING + options.rounds):
        job.append(_timed(lambda: _run(spark, plain)))
        if options.history:
            late.append(_timed(lambda: _run(spark, behind)))
        naive.append(_timed(lambda: _naive(spark, plain, str(folder / "naive"))))
        rounds = f"job {job[-1]:.1f} s, naive {naive[-1]:.1f} s, with history {late[-1] if late else 0:.1f} s"
        harness.say(f"round {number + 1 - WARMING}: {rounds}")
    _check(plain, str(folder / "naive"))
    job, naive, late = job[WARMING:], naive[WARMING:], late[WARMING:]
    found: dict[str, Any] = {
        "readings": options.readings,
        "sensors": options.sensors,
        "rounds": options.rounds,
        "job_seconds": round(statistics.median(job), 2),
        "naive_seconds": round(statistics.median(naive), 2),
        "ratio": round(statistics.median(other / own for own, other in zip(job, naive, strict=True)), 2),
        "goal": GOAL,
    }
    if late:
        ratio = statistics.median(behind / own for own, behind in zip(job, late, strict=True))
        found |= {
            "history_days": options.history,
            "history_seconds": round(statistics.median(late), 2),
            "history_ratio": round(ratio, 2),
            "history_goal": GOAL_HISTORY,
        }
    return found


def _timed(work: Callable[[], None]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _readings(count: int, sensors: int, first_offset: int) -> pl.DataFrame:
    """A day's Bronze rows in arrival order, with BATCHES of ingest."""
    dice = np.random.default_rng(1)
    sensor = np.arange(count) % sensors
    arrived = np.arange(count) * 86_400_000_000 // count
    at = arrived.copy()
    late = dice.random(count) < 0.005
    at[late] -= dice.integers(11, 50, late.sum()) * 60_000_000
    at = np.maximum(at, 0)
    again = np.flatnonzero(dice.random(count) < 0.005)
    again = again[again >= sensors]
    at[again] = at[again - sensors]
    start = int(DAY.timestamp() * 1e6)
    moment = pl.Datetime("us", "UTC")
    names = np.array([f"sensor-{number:05}" for number in range(sensors)])
    frame = pl.DataFrame(
        {
            "ingest_seq": sequence(1, 0) + np.arange(count) * BATCHES // count,
            "partition": sensor % 3,
            "offset": first_offset + np.arange(count),
            "kafka_timestamp": start + arrived,
            "sensor_id": names[sensor],
            "timestamp": start + at,
            "value": np.round(dice.normal(20, 2, count), 3),
        }
    )
    constants = {"topic": "readings", "sensor_type": "temperature", "unit": "celsius", "disposition": "accepted"}
    places = pl.format("floor-{}", pl.col("partition")).alias("location")
    nothing = dict.fromkeys(("reason", "key", "payload", "headers"))
    return frame.with_columns(
        pl.col("kafka_timestamp", "timestamp").cast(moment),
        places,
        pl.lit(DAY.date()).alias("ingest_date"),
        *(pl.lit(value).alias(name) for name, value in {**constants, **nothing}.items()),
    )


def _append(lake: str, table: Table, rows: pl.DataFrame) -> None:
    schema = to_arrow_schema(LAYOUTS[table].schema, timezone="UTC")
    write_deltalake(table.under(lake), rows.select(schema.names).to_arrow().cast(schema), mode="append")


def _fill(spark: SparkSession, lake: str, count: int, sensors: int, history: int) -> None:
    tables.ensure_tables(lake)
    rows = _readings(count, sensors, history * count)
    arguments = ContinuousArguments(
        pipeline="bench",
        version=1,
        generation=1,
        run_tag="bench",
        fencing_token=1,
        bootstrap_servers="none",
        topic="readings",
        telemetry_topic="none",
        lake=lake,
        checkpoint="none",
        jars=(),
        sensor_types=TYPES,
    )
    unheard = cast(Telemetry, Unheard())
    refine, aggregate = Refine(spark, arguments, unheard), Aggregate(spark, arguments, unheard)
    for batch in range(BATCHES):
        seq = sequence(1, batch)
        _append(lake, Table.BRONZE, rows.filter(pl.col("ingest_seq") == seq))
        refine.take(tables.read(spark, lake, Table.BRONZE).where(F.col("ingest_seq") == seq), batch)
        aggregate.take(tables.read(spark, lake, Table.SILVER).where(F.col("refine_seq") == seq), batch)


def _add_history(source: str, lake: str, days: int, count: int) -> None:
    back = timedelta(days=days)
    for table, (times, day) in SHIFTED.items():
        rows = pl.DataFrame(DeltaTable(table.under(source)).to_pyarrow_table())
        moved = [pl.col(name) - back for name in times] + [pl.lit((DAY - back).date()).alias(day)]
        if "offset" in rows.columns:
            moved.append(pl.col("offset") - days * count)
        _append(lake, table, rows.with_columns(moved))


def _run(spark: SparkSession, lake: str) -> None:
    _run.number = getattr(_run, "number", 0) + 1  # type: ignore[attr-defined]
    arguments = BatchArguments(
        pipeline="bench",
        run_tag=f"batch-{_run.number}",  # type: ignore[attr-defined]
        run=_run.number,  # type: ignore[attr-defined]
        attempt=1,
        stages=(StageName.BRONZE_TO_SILVER, StageName.SILVER_TO_GOLD),
        workspace="none",
        lake=lake,
        bootstrap_servers="none",
        telemetry_topic="none",
        first_day=DAY.date().isoformat(),
        last_day=DAY.date().isoformat(),
        version=1,
        jars=(),
        sensor_types=TYPES,
    )
    unheard = cast(Telemetry, Unheard())
    started = time.monotonic()
    BatchSilver(spark, arguments, unheard).run()
    middle = time.monotonic()
    BatchGold(spark, arguments, unheard).run()
    harness.say(f"  Silver {middle - started:.1f} s, Gold {time.monotonic() - middle:.1f} s")


def _naive(spark: SparkSession, lake: str, out: str) -> None:
    """The same day as somebody in a hurry would write it."""
    shutil.rmtree(out, ignore_errors=True)
    readings = tables.read(spark, lake, Table.BRONZE).where("disposition = 'accepted'")
    readings = readings.where(F.to_date("timestamp") == F.lit(DAY.date()))
    readings.count()
    first = F.row_number().over(Window.partitionBy("sensor_id", "timestamp").orderBy("offset"))
    distinct = readings.withColumn("number", first).where("number = 1").drop("number")
    distinct.count()
    arrival = Window.partitionBy("sensor_id").orderBy("offset")
    newest = F.max("timestamp").over(arrival.rowsBetween(Window.unboundedPreceding, -1))
    marked = distinct.withColumn(
        "late", F.coalesce(newest > F.col("timestamp") + F.expr("INTERVAL 10 MINUTES"), F.lit(False))
    )
    marked.count()
    before = arrival.rowsBetween(-100, -1)
    mean, spread = F.avg("value").over(before), F.stddev("value").over(before)
    enough = F.count("*").over(before) >= 30
    scored = marked.withColumn("anomaly_score", F.when(enough & (spread > 0), (F.col("value") - mean) / spread))
    flags = F.array_compact(
        F.array(
            F.when(F.abs("anomaly_score") > 3, "zscore"),
            F.when(F.col("value") < -20, "below_normal"),
            F.when(F.col("value") > 60, "above_normal"),
        )
    )
    scored = scored.withColumn("anomaly_reasons", flags).withColumn("event_date", F.to_date("timestamp"))
    scored.count()
    columns = [
        "topic",
        "partition",
        "offset",
        "kafka_timestamp",
        "sensor_id",
        "sensor_type",
        "timestamp",
        "value",
        "unit",
    ]
    silver = scored.select(*columns, "location", "anomaly_score", "anomaly_reasons", "late", "event_date")
    silver.write.format("delta").partitionBy("event_date").save(f"{out}/silver")
    spans = {"sensor_5min": ("sensor_id", "5 minutes"), "location_hourly": ("location", "1 hour")}
    spans["daily_summary"] = ("location", "1 day")
    for name, (key, span) in spans.items():
        again = spark.read.format("delta").load(f"{out}/silver")
        again.count()
        gold = _gold(again, key, span)
        gold.count()
        gold.write.format("delta").save(f"{out}/{name}")


def _gold(silver: DataFrame, key: str, span: str) -> DataFrame:
    grouped = silver.groupBy(key, "sensor_type", F.window("timestamp", span).alias("window"))
    return grouped.agg(
        F.count("*").alias("reading_count"),
        F.count_if(F.size("anomaly_reasons") > 0).alias("anomaly_count"),
        F.avg("value").alias("value_avg"),
        F.min("value").alias("value_min"),
        F.max("value").alias("value_max"),
        F.stddev("value").alias("value_stddev"),
        F.percentile_approx("value", [0.5, 0.95, 0.99]).alias("percentiles"),
    )


def _check(lake: str, naive: str) -> None:
    """Raises SystemExit unless both kept as many readings and Gold counted them all."""
    own = DeltaTable(Table.SILVER.under(lake)).to_pyarrow_table(columns=["sensor_id"]).num_rows
    gold = pl.DataFrame(DeltaTable(Table.SENSOR_5MIN.under(lake)).to_pyarrow_table(columns=["reading_count"]))
    other = DeltaTable(f"{naive}/silver").to_pyarrow_table(columns=["sensor_id"]).num_rows
    if not own == other == gold["reading_count"].sum():
        raise SystemExit(f"the job kept {own}, counted {gold['reading_count'].sum()}, the naive one kept {other}")


if __name__ == "__main__":
    sys.exit(main())
