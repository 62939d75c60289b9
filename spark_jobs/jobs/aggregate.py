"""Silver to Gold: windows of 5 minutes merged in place, and the hours and days that they touch made anew."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Entry, Measure, Query, SensorSeen, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.gold import GoldTable
from spark_jobs.jobs.rollup import DAY, HOUR, days_of, hours_of
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.gold import WINDOW_KEY, merged_windows
from spark_jobs.transforms.hours import hour_of
from spark_jobs.transforms.silence import Roster, Sensor
from spark_jobs.transforms.windows import WINDOW_SECONDS, by_sensor_5min, owed_readings

FILES_PER_BATCH = 1000
SENSORS_PER_MESSAGE = 5000
QUANTILES = [at / 100 for at in range(101)]

# Of the readings of one event hour (epoch seconds): `hour`, how many (`n`), 101 quantiles of their `times`.
Hour = Mapping[str, Any]
SENSOR = [
    *("sensor_id", "sensor_type", "location", "unit"),
    pl.col("window_start").dt.epoch("s").alias("last"),
]


class Fenced(Exception):
    """A batch run has counted the rows of these windows (start in epoch seconds) up to these sequences."""

    def __init__(self, fences: dict[int, int]) -> None:
        super().__init__(f"{len(fences)} windows are fenced")
        self.fences = fences


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
        """What a batch run absorbed is for its own Gold stage: by way of the stream nothing could hold it back."""
        return tables.follow(self._spark, self._arguments.lake, Table.SILVER, FILES_PER_BATCH).where(
            "batch_run IS NULL"
        )

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
        entries, replayed = _entries(read, windows), False
        if read:
            seen = [Sensor(**row, filled=row["last"]) for row in windows.select(SENSOR).iter_rows(named=True)]
            silent = self._roster.silences(seen, max(hour["times"][-1] for hour in read), self._due)
            starts = {sensor.last for sensor in seen} | {start for _, start in silent}
            entries, replayed = self._merge_beyond_fences(silver, windows, read, silent, starts, seq)
            if replayed:
                starts.update(self._minutes.changed(seq))
            self._roll_up(starts, seq, len(self._roster))
            self._tell_of_sensors(seen)
        self._telemetry.batch_committed(
            Query.AGGREGATE,
            batch,
            entries,
            table_version=self._minutes.version(),
            rows_in=sum(entry.count for entry in entries if entry.measure == Measure.AGGREGATED),
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

    def _merge_beyond_fences(
        self,
        silver: DataFrame,
        windows: pl.DataFrame,
        read: list[Hour],
        silent: Sequence[tuple[Sensor, int]],
        starts: Iterable[int],
        seq: int,
    ) -> tuple[list[Entry], bool]:
        """Merge what no batch run has counted yet. Gives the entries of the commit, and whether an earlier try made it.

        Whether there is a fence is seen when Gold's rows are read to be committed, and then the batch is counted again.
        """
        while True:
            entries = _entries(read, windows)
            try:
                if self._merge(windows, silent, starts, seq, entries):
                    return entries, False
            except Fenced as found:
                windows, read = self._windows(_beyond(silver, found.fences))
                continue
            # A batch run may have set its fence since: what was counted is what the commit says.
            noted = self._minutes.noted(seq)
            return entries if noted is None else noted, True

    def _merge(
        self,
        windows: pl.DataFrame,
        silent: Sequence[tuple[Sensor, int]],
        starts: Iterable[int],
        seq: int,
        entries: Sequence[Entry],
    ) -> bool:
        """Merge windows with readings into Gold, and insert those without where there is no row.

        False when an earlier try has done it. Raises Fenced when a batch run has counted some of these readings.
        """
        empty = self._empty(silent, windows.schema)

        def anew(old: pl.DataFrame) -> pl.DataFrame:
            fences = old.drop_nulls("fence_seq").group_by("window_start").agg(pl.col("fence_seq").max())
            counted = windows.join(fences, on="window_start").filter(pl.col("first_seq") <= pl.col("fence_seq"))
            if len(counted):
                raise Fenced(dict(fences.with_columns(pl.col("window_start").dt.epoch("s")).iter_rows()))
            known = pl.concat([old.select(WINDOW_KEY), windows.select(WINDOW_KEY)])
            new = pl.concat([windows, empty.join(known, on=WINDOW_KEY, how="anti")])
            changed = pl.col("gold_seq").fill_null(seq)
            return merged_windows(old, new).with_columns(changed)

        return self._minutes.replace(starts, seq, anew, entries)

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
        self._hours.replace(
            hours, seq, lambda old: _instead(old, hours_of(self._minutes, hours, sensors), "hour_start", seq)
        )
        self._days.replace(days, seq, lambda old: _instead(old, days_of(self._hours, days, sensors), "event_date", seq))

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


def _instead(old: pl.DataFrame, made: pl.DataFrame, period: str, seq: int) -> pl.DataFrame:
    """What is made anew, in the place of the rows of the same periods."""
    made = made.with_columns(gold_seq=pl.lit(seq))
    return pl.concat([old.join(made, on=period, how="anti"), made], how="diagonal_relaxed")


def _beyond(silver: DataFrame, fences: Mapping[int, int]) -> DataFrame:
    """The rows that lie beyond the fences of their windows."""
    known = silver.sparkSession.createDataFrame(list(fences.items()), "fenced long, fence long")
    start = (F.floor(F.unix_seconds("timestamp") / WINDOW_SECONDS) * WINDOW_SECONDS).cast("long")
    beyond = silver.join(F.broadcast(known), start == F.col("fenced"), "left")
    return beyond.where(F.col("fence").isNull() | (F.col("refine_seq") > F.col("fence"))).drop("fenced", "fence")


def _hour_and_times() -> tuple[Column, Column]:
    """The event's hour in epoch seconds, and 101 quantiles `times` of the event times, in epoch seconds."""
    seconds = F.unix_micros("timestamp") / F.lit(1e6)
    times = F.percentile_approx(seconds, QUANTILES, 200).alias("times")
    return hour_of("timestamp"), times


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
