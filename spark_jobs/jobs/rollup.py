"""Hours made anew from windows, and days from hours, as the stream and batch runs do it.

What is read is what the shorter periods hold at that moment. Whoever replaces the longer ones must read within the
attempt to commit: of two writers the one that commits last has then also read last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from spark_jobs.jobs.gold import GoldTable
from spark_jobs.transforms.gold import by_day, by_location_hourly
from spark_jobs.transforms.windows import WINDOW_SECONDS

HOUR, DAY = 3600, 86400
ROWS_TOGETHER = 300_000


def hours_of(minutes: GoldTable, hours: Sequence[int], sensors: int) -> pl.DataFrame:
    """The rows of gold/location_hourly for hours by their starts, of a fleet of so many sensors."""
    return _rolled_up(by_location_hourly, minutes.rows(*_periods(hours, HOUR, WINDOW_SECONDS, sensors)))


def days_of(hourly: GoldTable, days: Sequence[int], sensors: int) -> pl.DataFrame:
    """The rows of gold/daily_summary for days by their starts."""
    return _rolled_up(by_day, hourly.rows(*_periods(days, DAY, HOUR, sensors)))


def _rolled_up(roll_up: Callable[[pl.DataFrame], pl.DataFrame], parts: Iterator[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([roll_up(part) for part in parts])


def _periods(longer: Sequence[int], seconds: int, shorter: int, sensors: int) -> Iterator[list[int]]:
    """The shorter periods within the longer ones, in groups whose rows, one of each sensor, find room in memory."""
    together = max(1, ROWS_TOGETHER * shorter // (seconds * max(1, sensors)))
    for at in range(0, len(longer), together):
        yield [start for first in longer[at : at + together] for start in range(first, first + seconds, shorter)]
