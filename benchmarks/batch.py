"""A day from Bronze to Gold by the batch job, against a naive one and against itself with a month of history behind it.

The lake is one that refine and aggregate have filled: one reading in 200 late, one a duplicate. Each round takes it as
the stream left it, in one warm session, in turn: the job as a daily run does it, which adds what was deferred; with
history; by another version's rules, which makes every row anew; and the naive one. The job is measured from its first
look at the lake to its last commit, its telemetry left out. The naive one counts after each step, scores by window
functions, reads Silver again for each Gold table, and leaves Spark's settings as they come; what it takes with the
job's own settings is told beside. Both keep as many readings. History is the same day, shifted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
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
DEFAULTS = {"spark.sql.shuffle.partitions": "200", "spark.sql.adaptive.enabled": "true"}
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
    return 0 if result["ratio"] >= GOAL and result["history_ratio"] <= GOAL_HISTORY else 1


def _measure(spark: SparkSession, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    plain, behind = folder / "plain", folder / "behind"
    started = time.monotonic()
    fill(spark, str(plain), options.readings, options.sensors, options.history)
    shutil.copytree(plain, behind)
    for days in range(1, options.history + 1):
        _add_history(str(plain), str(behind), days, options.readings)
    _judge_with_history(spark, str(plain), str(behind))
    harness.say(f"lakes filled in {time.monotonic() - started:.0f} s")
    taken: dict[str, list[float]] = {name: [] for name in ("job", "history", "anew", "naive", "naive_tuned")}
    for number in range(WARMING + options.rounds):
        lake, naive = folder / "lake", str(folder / "naive")
        for name, source, version in (("job", plain, 1), ("history", behind, 1), ("anew", plain, 2)):
            shutil.rmtree(lake, ignore_errors=True)
            # Files of a table are never written to again.
            shutil.copytree(source, lake, copy_function=os.link)
            taken[name].append(_timed(partial(_run, spark, str(lake), number + 1, version)))
        taken["naive_tuned"].append(_timed(partial(_naive, spark, str(plain), naive)))
        with _as_it_comes(spark):
            taken["naive"].append(_timed(partial(_naive, spark, str(plain), naive)))
        harness.say(
            f"round {number + 1 - WARMING}: " + ", ".join(f"{name} {of[-1]:.1f} s" for name, of in taken.items())
        )
    _check(str(lake), naive)
    taken = {name: seconds[WARMING:] for name, seconds in taken.items()}
    return {
        "readings": options.readings,
        "sensors": options.sensors,
        "rounds": options.rounds,
        "history_days": options.history,
        "seconds": {name: round(statistics.median(seconds), 2) for name, seconds in taken.items()},
        "ratio": _ratio(taken["naive"], taken["job"]),
        "ratio_tuned": _ratio(taken["naive_tuned"], taken["job"]),
        "ratio_anew": _ratio(taken["naive"], taken["anew"]),
        "goal": GOAL,
        "history_ratio": _ratio(taken["history"], taken["job"]),
        "history_goal": GOAL_HISTORY,
    }


def _ratio(these: list[float], those: list[float]) -> float:
    return round(statistics.median(this / that for this, that in zip(these, those, strict=True)), 2)


@contextmanager
def _as_it_comes(spark: SparkSession) -> Iterator[None]:
    """Spark's own defaults where the job's session has others."""
    own = {name: str(spark.conf.get(name)) for name in DEFAULTS}
    for name, value in DEFAULTS.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in own.items():
            spark.conf.set(name, value)


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


def fill(spark: SparkSession, lake: str, count: int, sensors: int, history: int) -> None:
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


def _judge_with_history(spark: SparkSession, source: str, lake: str) -> None:
    """The day as the stream would have left it with history behind it: its first scores know the day before."""
    _run(spark, lake, 0, 1)
    DeltaTable(Table.SILVER.under(lake)).delete("batch_run IS NOT NULL")
    deferred = DeltaTable(Table.SET_ASIDE.under(source)).to_pyarrow_table(filters=[("reason", "=", "deferred")])
    _append(lake, Table.SET_ASIDE, pl.DataFrame(deferred))


def _run(spark: SparkSession, lake: str, run: int, version: int) -> None:
    arguments = BatchArguments(
        pipeline="bench",
        run_tag="batch",
        run=run,
        attempt=1,
        stages=(StageName.BRONZE_TO_SILVER, StageName.SILVER_TO_GOLD),
        workspace="none",
        lake=lake,
        bootstrap_servers="none",
        telemetry_topic="none",
        first_day=DAY.date().isoformat(),
        last_day=DAY.date().isoformat(),
        version=version,
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
    """Gold's figures of each sensor or location; health by what the sensors owe."""
    grouped = silver.groupBy(key, "sensor_type", F.window("timestamp", span).alias("window"))
    figures = grouped.agg(
        F.count("*").alias("reading_count"),
        F.count_if(F.size("anomaly_reasons") > 0).alias("anomaly_count"),
        F.avg("value").alias("value_avg"),
        F.min("value").alias("value_min"),
        F.max("value").alias("value_max"),
        F.stddev("value").alias("value_stddev"),
        F.percentile_approx("value", [0.5, 0.95, 0.99]).alias("percentiles"),
        F.count_distinct("sensor_id").alias("sensor_count"),
    )
    seconds = F.unix_seconds("window.end") - F.unix_seconds("window.start")
    owed = F.col("sensor_count") * seconds / TYPES[0].expected_interval_seconds
    figures = figures.withColumn("expected_readings", owed)
    return figures.withColumn("health_pct", F.least(100 * F.col("reading_count") / owed, F.lit(100.0)))


def _check(lake: str, naive: str) -> None:
    """Raises SystemExit unless both kept as many readings and Gold counted them all."""
    own = DeltaTable(Table.SILVER.under(lake)).to_pyarrow_table(columns=["sensor_id"]).num_rows
    gold = pl.DataFrame(DeltaTable(Table.SENSOR_5MIN.under(lake)).to_pyarrow_table(columns=["reading_count"]))
    other = DeltaTable(f"{naive}/silver").to_pyarrow_table(columns=["sensor_id"]).num_rows
    if not own == other == gold["reading_count"].sum():
        raise SystemExit(f"the job kept {own}, counted {gold['reading_count'].sum()}, the naive one kept {other}")


if __name__ == "__main__":
    sys.exit(main())
