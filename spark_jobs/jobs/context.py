"""What the readings of whole days must be judged with: kept readings of other days, and no more of them than it takes.

docs/adr/0010 says why these are enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.jobs.pinned import Pinned
from spark_jobs.transforms.judging import Rules
from spark_jobs.transforms.rejudging import CONTEXT

BEFORE = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=26))
AROUND = (timedelta(hours=1), timedelta(hours=26), None)  # None: as far back as there is any
MOST_RANGES = 50  # a condition names each of them


class Days(NamedTuple):
    """An interval of event time, whole days; `high` is the midnight that is not in it."""

    low: datetime
    high: datetime

    def hold(self, column: str = "timestamp") -> Column:
        return (F.col(column) >= F.lit(self.low)) & (F.col(column) < F.lit(self.high))


class Context:
    """Kept readings of Silver that are not of the days. Which sensors the days have is looked up in Bronze."""

    def __init__(self, silver: Pinned, bronze: Pinned, days: Days, rules: Rules) -> None:
        self._silver, self._bronze = silver, bronze
        self._days, self._window = days, rules.window
        self._watermark = timedelta(microseconds=rules.watermark)
        self._max_age = timedelta(microseconds=rules.max_age)

    def rows(self, late: DataFrame) -> DataFrame:
        """CONTEXT rows for the days' readings.

        `late` holds those of them that the stream found late: sensor_id, offset, kafka_timestamp.
        """
        after = self._between(self._days.high, self._days.high + 2 * self._watermark + timedelta(microseconds=1))
        parts = [after, *self._before(), *self._around(late)]
        return reduce(DataFrame.unionByName, [part.select(CONTEXT) for part in parts])

    def _kept(self, files: pl.DataFrame) -> DataFrame:
        """Rows of files of Silver, without what batch runs absorbed."""
        return self._silver.rows(files).where("batch_run IS NULL")

    def _between(self, low: datetime, high: datetime) -> DataFrame:
        days = pl.col("partition.event_date").is_between(low.date(), high.date())
        files = self._silver.files
        return self._kept(files.filter(days) if len(files) else files).where(Days(low, high).hold())

    def _before(self) -> Iterator[DataFrame]:
        """The last `window` kept readings of each sensor before the days, looked for further back step by step.

        A kept reading is never more than a watermark older than one that arrived before it. Those of a step but for its
        first watermark are therefore the last ones to have arrived, and of those older than `max_age` none counts.
        """
        low, deepest = self._days.low, self._max_age + 2 * self._watermark
        dates = pl.col("partition.event_date").is_between((low - deepest).date(), low.date(), closed="left")
        if self._silver.files.is_empty() or self._silver.files.filter(dates).is_empty():
            return
        lacking: pl.DataFrame | None = None
        reached = low
        for step in sorted({min(step, deepest) for step in BEFORE} | {deepest}):
            part = self._between(low - step, reached)
            if lacking is not None:
                names = part.sparkSession.createDataFrame(lacking.rows(), "sensor_id string")
                part = part.join(F.broadcast(names), "sensor_id", "left_semi")
            yield part
            if step == deepest:
                return
            wanted = self._sensors() if lacking is None else lacking
            counts = self._counts(low - step + self._watermark, low - self._watermark, lacking)
            found = wanted.join(counts, on="sensor_id", how="left").filter(pl.col("found").fill_null(0) < self._window)
            lacking, reached = found.select("sensor_id"), low - step
            if lacking.is_empty():
                return

    def _sensors(self) -> pl.DataFrame:
        """The sensors of the days' accepted readings."""
        accepted = (ds.field("disposition") == "accepted") & _within("timestamp", *self._days)
        batches = self._bronze.stored.scanner(columns=["sensor_id"], filter=accepted).to_batches()
        names = {name for batch in batches for name in batch.column("sensor_id").unique().to_pylist()}
        return pl.DataFrame({"sensor_id": sorted(names)}, schema={"sensor_id": pl.String})

    def _counts(self, low: datetime, high: datetime, among: pl.DataFrame | None) -> pl.DataFrame:
        """How many kept readings each sensor (`among` these) has in an interval, as `found`."""
        kept = _within("timestamp", low, high) & ds.field("batch_run").is_null()
        kept &= (ds.field("event_date") >= low.date()) & (ds.field("event_date") <= high.date())
        if among is not None:
            kept &= ds.field("sensor_id").isin(among["sensor_id"].to_arrow())
        names = pl.DataFrame(self._silver.stored.to_table(columns=["sensor_id"], filter=kept))
        return names.group_by("sensor_id").len("found")

    def _around(self, late: DataFrame) -> Iterator[DataFrame]:
        """The last `window` kept readings before each late one that arrived when its sensor was far beyond the days.

        Far: more than two watermarks. Where readings of that kind began to arrive is known by the files' statistics.
        """
        beyond = self._days.high + 2 * self._watermark
        first = self._first_arrival(beyond)
        if first is None:
            return
        wanted = late.where(F.col("kafka_timestamp") >= F.lit(first)).select("sensor_id", "offset", "kafka_timestamp")
        asked = pl.DataFrame(wanted.toArrow())
        session = late.sparkSession
        for back in AROUND:
            if asked.is_empty():
                return
            begin = pl.lit(first) if back is None else (pl.col("kafka_timestamp") - back).clip(lower_bound=first)
            asked = asked.with_columns(begin.alias("begin"))
            sensors = session.createDataFrame(asked.select("sensor_id").unique().rows(), "sensor_id string")
            arrived = reduce(or_, (F.col("kafka_timestamp").between(*map(F.lit, run)) for run in _runs(asked)))
            files = self._silver.files.filter(pl.col("max.timestamp") > beyond)
            rows = self._kept(files).where((F.col("timestamp") > F.lit(beyond)) & arrived)
            rows = rows.join(F.broadcast(sensors), "sensor_id", "left_semi")
            found = rows.select(*CONTEXT, "kafka_timestamp").toArrow()
            yield session.createDataFrame(found)
            enough = _counts(asked, pl.DataFrame(found)) >= self._window
            asked = asked.filter(~(enough | (pl.col("begin") <= first)))

    def _first_arrival(self, beyond: datetime) -> datetime | None:
        """No reading of after `beyond` arrived before this; None where there is no such reading."""
        if self._silver.files.is_empty():
            return None
        files = self._silver.files.filter(pl.col("max.timestamp") > beyond)
        return files.select(pl.col("min.kafka_timestamp").min()).item() if len(files) else None


def _within(column: str, low: datetime, high: datetime) -> ds.Expression:
    at = ds.field(column)
    return (at >= pa.scalar(low, pa.timestamp("us", "UTC"))) & (at < pa.scalar(high, pa.timestamp("us", "UTC")))


def _runs(asked: pl.DataFrame) -> list[tuple[datetime, datetime]]:
    """The spans of arrival that are asked for, those joined that overlap; the nearest, too, where there are many."""
    spans = asked.select("begin", "kafka_timestamp").sort("begin")
    begins, ends = spans["begin"], spans["kafka_timestamp"].cum_max()
    gaps = (begins - ends.shift(1)).dt.total_microseconds().fill_null(0).to_numpy()
    widest = np.argsort(gaps, kind="stable")[::-1][: MOST_RANGES - 1]
    starts = [0, *sorted(int(at) for at in widest if gaps[at] > 0)]
    return [(begins[at], ends[until - 1]) for at, until in zip(starts, [*starts[1:], len(spans)], strict=True)]


def _counts(asked: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
    """How many of the rows found arrived between each reading's `begin` and itself."""
    by_sensor = {
        key[0]: (group["offset"].to_numpy(), group["kafka_timestamp"])
        for key, group in found.sort("offset").group_by("sensor_id", maintain_order=True)
    }
    counts = []
    for sensor, offset, begin in asked.select("sensor_id", "offset", "begin").iter_rows():
        offsets, arrivals = by_sensor.get(sensor, (np.zeros(0, np.int64), None))
        until = int(np.searchsorted(offsets, offset))
        counts.append(0 if arrivals is None else int((arrivals[:until] >= begin).sum()))
    return pl.Series(counts, dtype=pl.Int64)
