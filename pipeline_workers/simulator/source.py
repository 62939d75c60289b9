"""When each message is due: a fleet at a rate or at full speed, a recording at its own pace or faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline_workers.simulator.fleet import Batch, Fleet
from pipeline_workers.simulator.replay import Row, RowError

MOST = 4096  # messages a batch
SECOND = 1_000_000
# Two stamps of one sensor are at least this far apart; see Fleet.readings for why they are even.
STEP = 2
MOST_RATE = SECOND / STEP


class Source(Protocol):
    """Where messages come from. Times are microseconds since the epoch."""

    def next_due(self) -> int | None:
        """When the next message is due, 0 for at once, None when there is none."""

    def take(self, now: int) -> Batch:
        """What is due by `now`, up to MOST messages."""

    def postpone(self, duration: int) -> None:
        """Have all that is left due that much later, as if the time in between had not been."""


class FleetSource:
    """A fleet's readings: message i due, and stamped, at start + i / rate; at rate 0 as fast as they can be made."""

    def __init__(self, fleet: Fleet, *, rate: float, messages: int | None, start: int) -> None:
        self._fleet = fleet
        self._rate = rate
        self._left = messages
        self._start = start
        self._made = 0
        self._last = 0

    def next_due(self) -> int | None:
        if self._left == 0:
            return None
        return int(self._due(np.array([self._made]))[0]) if self._rate else 0

    def take(self, now: int) -> Batch:
        count = MOST if self._left is None else min(MOST, self._left)
        if self._rate:
            stamps = self._due(np.arange(self._made, self._made + count))
            stamps = stamps[stamps <= now]
        else:
            # The time of making, 2 us a message: never more than a few ms ahead of the clock, never used before.
            first = max(now & ~1, self._last + STEP)
            stamps = np.arange(first, first + count * STEP, STEP, dtype=np.int64)
        if not len(stamps):
            return Batch()
        self._last = int(stamps[-1])
        self._made += len(stamps)
        if self._left is not None:
            self._left -= len(stamps)
        return self._fleet.readings(stamps)

    def postpone(self, duration: int) -> None:
        self._start += duration

    def _due(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        due = self._start + (numbers * (SECOND / self._rate)).astype(np.int64)
        return due & ~1


class ReplaySource:
    """Recorded rows, `speed` times as fast as they were recorded, 0 for as fast as they can be read.

    With `rebase` the first row lies at `start` and the others follow at that pace; otherwise rows keep their times.
    """

    def __init__(self, rows: Iterator[Row], *, speed: float, rebase: bool, messages: int | None, start: int) -> None:
        if rebase and not speed:
            raise ValueError("times can only be moved to now at a speed above 0")
        self._rows = rows
        self._speed = speed
        self._rebase = rebase
        self._left = messages
        self._start = start
        self._first: int | None = None
        self._row: Row | None = None
        self._problem: RowError | None = None
        self._fetch()

    def next_due(self) -> int | None:
        """Raises RowError once all rows before the bad one have been taken."""
        if self._problem:
            raise self._problem
        return None if self._row is None else self._due(self._row)

    def take(self, now: int) -> Batch:
        batch = Batch()
        while self._row is not None and len(batch) < MOST and (due := self._due(self._row)) <= now:
            batch.keys.append(self._row.sensor_id)
            batch.payloads.append(self._row.payload(due if self._rebase else self._row.time))
            self._fetch()
        return batch

    def postpone(self, duration: int) -> None:
        self._start += duration

    def _due(self, row: Row) -> int:
        assert self._first is not None
        return self._start + int((row.time - self._first) / self._speed) if self._speed else 0

    def _fetch(self) -> None:
        self._row = None
        if self._left == 0:
            return
        try:
            self._row = next(self._rows, None)
        except RowError as error:
            self._problem = error
        if self._row is not None:
            self._first = self._row.time if self._first is None else self._first
            self._left = None if self._left is None else self._left - 1
