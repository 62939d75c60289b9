"""Silver to Gold: windows of 5 minutes merged in place, and the hours and days that they touch made anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Entry, Measure, Query, SensorSeen, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.gold import GoldTable
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.gold import WINDOW_KEY, by_day, by_location_hourly, merged_windows
from spark_jobs.transforms.silence import Roster, Sensor
from spark_jobs.transforms.windows import WINDOW_SECONDS, by_sensor_5min, owed_readings

FILES_PER_BATCH = 1000
SENSORS_PER_MESSAGE = 5000
QUANTILES = [at / 100 for at in range(101)]
HOUR, DAY = 3600, 86400
ROWS_TOGETHER = 300_000

# Of the readings of one event hour (epoch seconds): `hour`, how many (`n`), 101 quantiles of their `times`.
Hour = Mapping[str, Any]
SENSOR = [
    *("sensor_id", "sensor_type", "location", "unit"),
    pl.col("window_start").dt.epoch("s").alias("last"),
]


class Aggregate:
    """The aggregate query's source, its roster of sensors, and what it does with a batch."""

    def __init__(self, spark: SparkSession, arguments: ContinuousArguments, telemetry: Telemetry) -> None:
        self._spark, self._arguments, self._telemetry = spark, arguments, telemetry
        app = tables.app_of(arguments.pipeline, Query.AGGREGATE)
        self._minutes, self._hours, self._days = (
            GoldTable(arguments.lake, table, app)
            for table in (Table.SENSOR_5MIN, Table.LOCATION_HOURLY, Table.DAILY_SUMMARY)
        )
        self._owed = owed_readings(arguments.sensor_types)
        self._due = {name for name, owed in self._owed.items() if owed >= 1}
        self._roster: Roster | None = None
        self._told: set[str] = set()

    def source(self) -> DataFrame:
        return tables.follow(self._spark, self._arguments.lake, Table.SILVER, FILES_PER_BATCH)

    def take(self, silver: DataFrame, batch: int) -> None:
        """Merge a batch into Gold, once, and tell of it.

        Hours and days are made anew from what they hold, so a replay repairs them whatever a crash left: those of the
        batch's readings, and those of the windows that the first try found silent, which the roster knows no more.
        """
        started = time.monotonic()
        seq = sequence(self._arguments.generation, batch)
        if self._roster is None:
            self._roster = self._recall(silver.sparkSession)
        windows, read = self._windows(silver)
        replayed = False
        if read:
            seen = [Sensor(**row, filled=row["last"]) for row in windows.select(SENSOR).iter_rows(named=True)]
            silent = self._roster.silences(seen, max(hour["times"][-1] for hour in read), self._due)
            starts = {sensor.last for sensor in seen} | {start for _, start in silent}
            replayed = not self._merge(windows, silent, starts, seq)
            if replayed:
                starts.update(self._minutes.changed(seq))
            self._roll_up(starts, seq, len(self._roster))
            self._tell_of_sensors(seen)
        self._telemetry.batch_committed(
            Query.AGGREGATE,
            batch,
            _entries(read, windows),
            table_version=self._minutes.version(),
            rows_in=sum(hour["n"] for hour in read),
            seconds=time.monotonic() - started,
            replayed=replayed,
            event_times=_quantiles(read),
        )

    def _windows(self, silver: DataFrame) -> tuple[pl.DataFrame, list[Hour]]:
        """A batch's own windows, and when its readings were made."""
        seen = Observation()
        hour, times = _hour_and_times()
        counted = silver.observe(
            seen, F.count("*").alias("n"), F.min(hour).alias("hour"), F.max(hour).alias("last"), times
        )
        windows = pl.DataFrame(by_sensor_5min(counted, self._arguments.sensor_types).toArrow())
        of_all = seen.get
        if not of_all["n"]:
            return windows, []
        return windows, [of_all] if of_all["hour"] == of_all["last"] else _by_hour(silver)

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
        self, windows: pl.DataFrame, silent: Sequence[tuple[Sensor, int]], starts: Iterable[int], seq: int
    ) -> bool:
        """Merge windows with readings into Gold, and insert those without where there is no row.

        False when an earlier try has done it.
        """
        empty = self._empty(silent, windows.schema)

        def anew(old: pl.DataFrame) -> pl.DataFrame:
            known = pl.concat([old.select(WINDOW_KEY), windows.select(WINDOW_KEY)])
            new = pl.concat([windows, empty.join(known, on=WINDOW_KEY, how="anti")])
            changed = pl.col("gold_seq").fill_null(seq)
            return merged_windows(old, new).with_columns(changed)

        return self._minutes.replace(starts, seq, anew)

    def _empty(self, silent: Sequence[tuple[Sensor, int]], schema: pl.Schema) -> pl.DataFrame:
        """Windows with 0 readings; columns that they have no figures for are null."""
        rows = [
            {
                "sensor_id": sensor.sensor_id,
                "sensor_type": sensor.sensor_type,
                "location": sensor.location,
                "unit": sensor.unit,
                "window_start": begin,
                "window_end": begin + timedelta(seconds=WINDOW_SECONDS),
                "event_date": begin.date(),
                "reading_count": 0,
                "anomaly_count": 0,
                "expected_readings": self._owed[sensor.sensor_type],
            }
            for sensor, start in silent
            for begin in [datetime.fromtimestamp(start, UTC)]
        ]
        return pl.DataFrame(rows, schema=schema).unique(WINDOW_KEY)

    def _roll_up(self, starts: Iterable[int], seq: int, sensors: int) -> None:
        """Make the hours that `starts` touch anew, and their days."""
        hours, days = sorted({at - at % HOUR for at in starts}), sorted({at - at % DAY for at in starts})
        windows = self._minutes.rows(*_periods(hours, HOUR, WINDOW_SECONDS, sensors))
        self._hours.replace(hours, seq, _instead(by_location_hourly, windows, "hour_start", seq))
        in_days = self._hours.rows(*_periods(days, DAY, HOUR, sensors))
        self._days.replace(days, seq, _instead(by_day, in_days, "event_date", seq))

    def _tell_of_sensors(self, seen: Iterable[Sensor]) -> None:
        new = {
            it.sensor_id: (it.sensor_id, it.sensor_type, it.location, it.unit, float(it.last))
            for it in seen
            if it.sensor_id not in self._told
        }
        self._told.update(new)
        sensors = list(new.values())
        for at in range(0, len(sensors), SENSORS_PER_MESSAGE):
            part = tuple(sensors[at : at + SENSORS_PER_MESSAGE])
            self._telemetry.send(SensorSeen(pipeline=self._arguments.pipeline, at=time.time(), sensors=part))


def _periods(longer: Sequence[int], seconds: int, shorter: int, sensors: int) -> Iterator[list[int]]:
    """The shorter periods within the longer ones, in groups whose rows, one of each sensor, find room in memory."""
    together = max(1, ROWS_TOGETHER * shorter // (seconds * sensors))
    for at in range(0, len(longer), together):
        yield [start for first in longer[at : at + together] for start in range(first, first + seconds, shorter)]


def _instead(
    roll_up: Callable[[pl.DataFrame], pl.DataFrame], parts: Iterable[pl.DataFrame], period: str, seq: int
) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """What puts the parts rolled up in the place of the rows of the same periods."""
    made = pl.concat([roll_up(part) for part in parts]).with_columns(gold_seq=pl.lit(seq))
    return lambda old: pl.concat([old.join(made, on=period, how="anti"), made], how="diagonal_relaxed")


def _hour_and_times() -> tuple[Column, Column]:
    """The event's hour in epoch seconds, and 101 quantiles `times` of the event times, in epoch seconds."""
    seconds = F.unix_micros("timestamp") / F.lit(1e6)
    times = F.percentile_approx(seconds, QUANTILES, 200).alias("times")
    return F.unix_seconds(F.date_trunc("hour", "timestamp")), times


def _by_hour(silver: DataFrame) -> list[Hour]:
    hour, times = _hour_and_times()
    rows = silver.groupBy(hour.alias("hour")).agg(F.count("*").alias("n"), times).collect()
    return [row.asDict() for row in rows]


def _quantiles(read: Sequence[Hour]) -> list[float]:
    """Quantiles over all hours, from those of each hour."""
    if not read:
        return []
    times = np.concatenate([hour["times"] for hour in read])
    weights = np.repeat([hour["n"] / len(QUANTILES) for hour in read], len(QUANTILES))
    order = np.argsort(times)
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return [round(float(at), 3) for at in np.interp(np.array(QUANTILES) * weights.sum(), reached, times[order])]


def _entries(read: Iterable[Hour], windows: pl.DataFrame) -> list[Entry]:
    hour = pl.col("window_start").dt.truncate("1h").dt.epoch("s")
    gold = windows.group_by(hour).agg(pl.col("reading_count").sum())
    entries = [Entry(hour["hour"], Measure.AGGREGATED, hour["n"]) for hour in read]
    return entries + [Entry(hour, Measure.GOLD, count) for hour, count in gold.iter_rows()]
