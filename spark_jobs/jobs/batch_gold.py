"""Silver to Gold for whole days: windows counted anew, behind a fence for the stream, and their hours and days."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.applications import BatchArguments
from spark_jobs.contracts import BatchQuery, Entry, Measure, Query, Table
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.gold import GoldTable
from spark_jobs.jobs.pinned import Pinned
from spark_jobs.jobs.rewritten import of_days
from spark_jobs.jobs.rollup import DAY, HOUR, days_of, hours_of
from spark_jobs.jobs.tables import Commits
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.gold import WINDOW_KEY, merged_windows
from spark_jobs.transforms.windows import WINDOW_SECONDS, by_sensor_5min


class BatchGold:
    """One run's second stage, a day at a time. It may be done again at any point."""

    def __init__(self, spark: SparkSession, arguments: BatchArguments, telemetry: Telemetry) -> None:
        self._spark, self._arguments, self._telemetry = spark, arguments, telemetry
        self._app = f"penstock/{arguments.pipeline}/batch/{arguments.run}"
        self._minutes, self._hours, self._days = (
            GoldTable(arguments.lake, table, self._app)
            for table in (Table.SENSOR_5MIN, Table.LOCATION_HOURLY, Table.DAILY_SUMMARY)
        )

    def run(self) -> Done:
        first, last = self._arguments.days
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        done = [self._day(day) for day in days]
        return Done(sum(rows for rows, _ in done), sum(windows for _, windows in done), {"days": len(days)})

    def _day(self, day: date) -> tuple[int, int]:
        """Readings and windows of the day."""
        started = time.monotonic()
        start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        made = _Windows(self._spark, self._arguments, day)
        if made.rows.is_empty():
            return 0, 0
        entries: list[Entry] = []

        def anew(old: pl.DataFrame, version: int) -> tuple[pl.DataFrame, list[Entry]]:
            made.overtake(old)
            new = _remade(old, made.rows, version)
            entries[:] = _sum(self._minutes.noted_last(), _rises(old, new))
            return new, entries

        self._minutes.remake(range(start, start + DAY, WINDOW_SECONDS), anew)
        self._roll_up(start, made.rows["sensor_id"].n_unique())
        readings = int(made.rows["reading_count"].sum())
        self._telemetry.batch_committed(
            BatchQuery.GOLD,
            self._arguments.run,
            entries,
            table_version=self._minutes.delta.transaction_version(self._app) or 0,
            rows_in=readings,
            seconds=time.monotonic() - started,
            replayed=False,
        )
        return readings, len(made.rows)

    def _roll_up(self, day: int, sensors: int) -> None:
        hours = range(day, day + DAY, HOUR)

        def anew_hours(old: pl.DataFrame, version: int) -> tuple[pl.DataFrame, Sequence[Entry]]:
            made = hours_of(self._minutes, hours, sensors)
            return _stamped(old, made, ["location", "sensor_type", "hour_start"], version), ()

        def anew_day(old: pl.DataFrame, version: int) -> tuple[pl.DataFrame, Sequence[Entry]]:
            made = days_of(self._hours, [day], sensors)
            return _stamped(old, made, ["location", "sensor_type", "event_date"], version), ()

        self._hours.remake(hours, anew_hours)
        self._days.remake([day], anew_day)


class _Windows:
    """A day's windows as Silver has them, and of each start the sequence up to which its rows are counted."""

    def __init__(self, spark: SparkSession, arguments: BatchArguments, day: date) -> None:
        self._spark, self._arguments, self._day = spark, arguments, day
        self.rows = self._count(None)

    def overtake(self, old: pl.DataFrame) -> None:
        """Count those again in which the stream has counted newer rows than were there to be read."""
        while True:
            fences = self.rows.group_by("window_start").agg(pl.col("fence_seq").max().alias("counted"))
            newer = old.join(fences, on="window_start", how="left").filter(
                pl.col("refine_seq") > pl.col("counted").fill_null(-1)
            )
            starts = newer["window_start"].unique().to_list()
            if not starts:
                return
            again = self._count(starts)
            found = again["window_start"].unique().to_list()
            if missing := set(starts) - set(found):
                old = old.filter(~pl.col("window_start").is_in(sorted(missing)))
            self.rows = pl.concat([self.rows.filter(~pl.col("window_start").is_in(starts)), again])

    def _count(self, starts: list[datetime] | None) -> pl.DataFrame:
        lake, pipeline = self._arguments.lake, self._arguments.pipeline
        log = Commits(Table.SILVER.under(lake), f"penstock/{pipeline}/{Query.REFINE}")
        log.version()
        fence = log.delta.transaction_version(f"penstock/{pipeline}/{Query.REFINE}")
        pinned = Pinned(self._spark, lake, Table.SILVER, log.delta)
        silver = pinned.rows(of_days(pinned.files, "event_date", self._day, self._day))
        if starts is not None:
            end = max(starts) + timedelta(seconds=WINDOW_SECONDS)
            silver = silver.where((F.col("timestamp") >= F.lit(min(starts))) & (F.col("timestamp") < F.lit(end)))
        counted = pl.DataFrame(by_sensor_5min(silver, self._arguments.sensor_types).toArrow()).drop("first_seq")
        if starts is not None:
            counted = counted.filter(pl.col("window_start").is_in(starts))
        made = merged_windows(counted.clear(), counted)
        return made.with_columns(fence_seq=pl.lit(fence, pl.Int64))


def _remade(old: pl.DataFrame, made: pl.DataFrame, version: int) -> pl.DataFrame:
    """The day's rows: windows as they are counted anew, and those without readings as they were.

    What the stream says of a row (`gold_seq`, `refine_seq`) stays, so that its own view of how far it is does, too.
    """
    key = list(WINDOW_KEY)
    before = old.select(*key, "gold_seq", "refine_seq")
    new = made.drop("refine_seq", "batch_seq", "gold_seq", strict=False).join(before, on=key, how="left")
    new = new.with_columns(pl.col("gold_seq").fill_null(0), batch_seq=pl.lit(version, pl.Int64))
    silent = old.filter(pl.col("reading_count") == 0).join(new, on=key, how="anti")
    return pl.concat([silent, new], how="diagonal_relaxed")


def _stamped(old: pl.DataFrame, made: pl.DataFrame, key: list[str], version: int) -> pl.DataFrame:
    stamped = made.join(old.select(*key, "gold_seq"), on=key, how="left")
    return stamped.with_columns(pl.col("gold_seq").fill_null(0), batch_seq=pl.lit(version, pl.Int64))


def _rises(old: pl.DataFrame, new: pl.DataFrame) -> Counter[int]:
    """By hour, how many readings more the windows have."""
    hour = pl.col("window_start").dt.truncate("1h").dt.epoch("s")
    rises: Counter[int] = Counter()
    for frame, sign in ((new, 1), (old, -1)):
        for at, count in frame.group_by(hour).agg(pl.col("reading_count").sum()).iter_rows():
            rises[at] += sign * count
    return rises


def _sum(noted: Iterable[Entry], rises: Counter[int]) -> list[Entry]:
    """What earlier commits of the run noted and what this one adds: the same rise of rows read and of Gold's counts."""
    total: Counter[int] = Counter()
    for entry in noted:
        if entry.measure == Measure.GOLD:
            total[entry.hour] += entry.count
    for hour, rise in rises.items():
        total[hour] += rise
    measures = (Measure.AGGREGATED, Measure.GOLD)
    return [
        Entry(hour, measure, count)
        for hour, count in total.items()
        for measure in measures
        if count or _was_told(noted, hour)
    ]


def _was_told(noted: Iterable[Entry], hour: int) -> bool:
    return any(entry.hour == hour for entry in noted)
