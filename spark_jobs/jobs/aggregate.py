"""Silver to Gold: windows of 5 minutes merged in place, and the hours and days that they touch made anew."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import numpy as np
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Entry, Measure, Query, SensorSeen, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.schemas import DAILY_SUMMARY, LOCATION_HOURLY
from spark_jobs.transforms.silence import Roster, Sensor
from spark_jobs.transforms.windows import (
    WINDOW_SECONDS,
    by_day,
    by_location_hourly,
    by_sensor_5min,
    derived,
    expected_readings,
    merged,
)

FILES_PER_BATCH = 1000
SENSORS_PER_MESSAGE = 5000
QUANTILES = [at / 100 for at in range(101)]


class Aggregate:
    """The aggregate query's source, its roster of sensors, and what it does with a batch."""

    def __init__(self, spark: SparkSession, arguments: ContinuousArguments, telemetry: Telemetry) -> None:
        self._spark, self._arguments, self._telemetry = spark, arguments, telemetry
        self._app = f"penstock/{arguments.pipeline}/{Query.AGGREGATE}"
        self._types = arguments.sensor_types
        self._due = {t.name for t in self._types if t.expected_interval_seconds <= WINDOW_SECONDS}
        self._roster: Roster | None = None
        self._told: set[str] = set()

    def source(self) -> DataFrame:
        return tables.follow(self._spark, self._arguments.lake, Table.SILVER, FILES_PER_BATCH)

    def take(self, silver: DataFrame, batch: int) -> None:
        """Merge a batch into Gold, once, and tell of it.

        Hours and days are made anew from the windows that they hold, so a replay repairs them whatever a crash left.
        """
        started = time.monotonic()
        seq = sequence(self._arguments.generation, batch)
        spark = silver.sparkSession
        path = Table.SENSOR_5MIN.under(self._arguments.lake)
        if self._roster is None:
            self._roster = self._recall(spark)
        windows = by_sensor_5min(silver, self._types).persist()
        try:
            seen = windows.select(
                "sensor_id",
                "sensor_type",
                "location",
                "unit",
                F.unix_seconds("window_start").alias("start"),
                "reading_count",
            ).collect()
            replayed = tables.committed(spark, path, self._app).txn >= seq
            if seen:
                read = _event_times(silver)
                silent = self._roster.silences(_sensors(seen), max(row["times"][-1] for row in read), self._due)
                if not replayed:
                    self._merge(spark, windows, silent, _starts(seen, silent), seq)
                self._roll_up(spark, _starts(seen, silent), seq)
            else:
                read, silent = [], []
        finally:
            windows.unpersist()
        self._tell_of_sensors(seen)
        self._telemetry.batch_committed(
            Query.AGGREGATE,
            batch,
            _entries(read, seen),
            table_version=tables.committed(spark, path, self._app).version,
            rows_in=sum(row["n"] for row in read),
            seconds=time.monotonic() - started,
            replayed=replayed,
            event_times=_quantiles(read),
        )

    def _recall(self, spark: SparkSession) -> Roster:
        """The roster from the windows that Gold has."""
        start, attributes = F.unix_seconds("window_start"), F.struct("sensor_type", "location", "unit")
        rows = (
            tables.read(spark, self._arguments.lake, Table.SENSOR_5MIN)
            .groupBy("sensor_id")
            .agg(
                F.max_by(attributes, "window_start").alias("latest"),
                F.max(F.when(F.col("reading_count") > 0, start)).alias("last"),
                F.max(start).alias("filled"),
            )
            .select("sensor_id", "latest.*", "last", "filled")
        )
        sensors = [Sensor(**row.asDict()) for row in rows.collect()]
        return Roster(sensors, self._arguments.watermark_minutes * 60)

    def _merge(
        self,
        spark: SparkSession,
        windows: DataFrame,
        silent: Sequence[tuple[Sensor, int]],
        starts: Sequence[int],
        seq: int,
    ) -> None:
        """Merge windows with readings into Gold, and insert those without where there is no row."""
        schema = "sensor_id string, sensor_type string, location string, unit string, start long"
        empty = spark.createDataFrame(
            [(s.sensor_id, s.sensor_type, s.location, s.unit, at) for s, at in silent], schema
        )
        begin = F.timestamp_seconds("start")
        empty = empty.withColumns(
            {
                "window_start": begin,
                "window_end": F.timestamp_seconds(F.col("start") + WINDOW_SECONDS),
                "event_date": F.to_date(begin),
                "reading_count": F.lit(0).cast("long"),
                "anomaly_count": F.lit(0).cast("long"),
                "expected_readings": expected_readings(self._types, F.col("sensor_type")),
            }
        ).drop("start")
        # A window that is silent in one sensor's gap may hold readings of this very batch.
        empty = empty.join(windows.select("sensor_id", "window_start"), ["sensor_id", "window_start"], "left_anti")
        source = windows.unionByName(empty.dropDuplicates(["sensor_id", "window_start"]), allowMissingColumns=True)
        figures = merged("t", "s")
        after = {**figures, "expected_readings": F.col("s.expected_readings")}
        stamp = {"gold_seq": tables.stamp(seq, "s.sensor_id")}
        target = DeltaTable.forPath(spark, Table.SENSOR_5MIN.under(self._arguments.lake))
        same = (F.col("t.event_date") == F.col("s.event_date")) & (F.col("t.window_start") == F.col("s.window_start"))
        same = same & (F.col("t.sensor_id") == F.col("s.sensor_id")) & _pruned("t.event_date", "t.window_start", starts)
        attributes = {name: F.col(f"s.{name}") for name in ("sensor_type", "location", "unit", "refine_seq")}
        update = {**attributes, **after, **derived(after.__getitem__), **stamp}
        carried = {name: F.col(f"s.{name}") for name in source.columns}
        insert = {**carried, **derived(lambda name: F.col(f"s.{name}")), **stamp}
        with tables.written_once(spark, self._app, seq):
            (
                target.alias("t")
                .merge(source.alias("s"), same)
                .whenMatchedUpdate(F.col("s.reading_count") > 0, update)
                .whenNotMatchedInsert(values=insert)
                .execute()
            )

    def _roll_up(self, spark: SparkSession, starts: Sequence[int], seq: int) -> None:
        """Make the hours that `starts` touch anew, and their days. Other hours of those days stay as they are."""
        lake, hours = self._arguments.lake, sorted({start - start % 3600 for start in starts})
        touched = F.broadcast(spark.createDataFrame([(hour,) for hour in hours], "hour long"))
        hour = F.unix_seconds(F.date_trunc("hour", "window_start"))
        whole = [hour + minute * 60 for hour in hours for minute in (0, 59)]
        windows = tables.read(spark, lake, Table.SENSOR_5MIN).where(_pruned("event_date", "window_start", whole))
        anew = by_location_hourly(windows.join(touched, hour == F.col("hour"), "left_semi"))
        anew = anew.withColumn("gold_seq", tables.stamp(seq, "location")).select(LOCATION_HOURLY.fieldNames())
        days = _dates(hours)
        others = tables.read(spark, lake, Table.LOCATION_HOURLY).where(F.col("event_date").isin(days))
        others = others.join(touched, F.unix_seconds("hour_start") == F.col("hour"), "left_anti")
        _replace_days(anew.unionByName(others), Table.LOCATION_HOURLY.under(lake), days)
        daily = by_day(tables.read(spark, lake, Table.LOCATION_HOURLY).where(F.col("event_date").isin(days)))
        daily = daily.withColumn("gold_seq", tables.stamp(seq, "location")).select(DAILY_SUMMARY.fieldNames())
        _replace_days(daily, Table.DAILY_SUMMARY.under(lake), days)

    def _tell_of_sensors(self, seen: Sequence[Row]) -> None:
        new = {
            row["sensor_id"]: (row["sensor_id"], row["sensor_type"], row["location"], row["unit"], float(_epoch(row)))
            for row in seen
            if row["sensor_id"] not in self._told
        }
        self._told.update(new)
        sensors = list(new.values())
        for at in range(0, len(sensors), SENSORS_PER_MESSAGE):
            part = tuple(sensors[at : at + SENSORS_PER_MESSAGE])
            self._telemetry.send(SensorSeen(pipeline=self._arguments.pipeline, at=time.time(), sensors=part))


def _event_times(silver: DataFrame) -> list[Row]:
    """Per hour of the event: `hour`, `n` readings, and 101 quantiles `times` of their event times, epoch seconds."""
    seconds = F.unix_micros("timestamp") / F.lit(1e6)
    hour = F.unix_seconds(F.date_trunc("hour", "timestamp")).alias("hour")
    times = F.percentile_approx(seconds, QUANTILES, 200).alias("times")
    return silver.groupBy(hour).agg(F.count("*").alias("n"), times).collect()


def _quantiles(read: Sequence[Row]) -> list[float]:
    """Quantiles over all hours, from those of each hour."""
    if not read:
        return []
    times = np.concatenate([row["times"] for row in read])
    weights = np.repeat([row["n"] / len(QUANTILES) for row in read], len(QUANTILES))
    order = np.argsort(times)
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return [round(float(at), 3) for at in np.interp(np.array(QUANTILES) * weights.sum(), reached, times[order])]


def _entries(read: Iterable[Row], seen: Iterable[Row]) -> list[Entry]:
    gold: Counter[int] = Counter()
    for row in seen:
        gold[_epoch(row) - _epoch(row) % 3600] += row["reading_count"]
    entries = [Entry(row["hour"], Measure.AGGREGATED, row["n"]) for row in read]
    return entries + [Entry(hour, Measure.GOLD, count) for hour, count in gold.items()]


def _sensors(seen: Iterable[Row]) -> list[Sensor]:
    return [
        Sensor(row["sensor_id"], row["sensor_type"], row["location"], row["unit"], _epoch(row), _epoch(row))
        for row in seen
    ]


def _starts(seen: Iterable[Row], silent: Iterable[tuple[Sensor, int]]) -> list[int]:
    return sorted({_epoch(row) for row in seen} | {at for _, at in silent})


def _pruned(day: str, time_: str, epochs: Sequence[int]) -> Column:
    """Literal predicates by which Delta leaves out partitions and files."""
    low, high = (F.timestamp_seconds(F.lit(at)) for at in (min(epochs), max(epochs)))
    return F.col(day).isin(_dates(epochs)) & F.col(time_).between(low, high)


def _dates(epochs: Iterable[int]) -> list[date]:
    return sorted({datetime.fromtimestamp(at, UTC).date() for at in epochs})


def _replace_days(rows: DataFrame, path: str, days: Sequence[date]) -> None:
    listed = ", ".join(f"DATE'{day.isoformat()}'" for day in days)
    rows.coalesce(1).write.format("delta").mode("overwrite").option("replaceWhere", f"event_date IN ({listed})").save(
        path
    )


def _epoch(row: Row) -> int:
    return int(row["start"])
