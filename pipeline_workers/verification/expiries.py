"""What retention took from one Kafka partition of Bronze: ranges of offsets, and how many records of each are gone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.int64]


class Gone:
    """Ranges (first offset, last offset, records); they overlap, since accepted and refused records lie mixed."""

    def __init__(self, ranges: Iterable[tuple[int, int, int]]) -> None:
        self._low, self._high, self._n = np.array(sorted(ranges), dtype=np.int64).reshape(-1, 3).T

    def comparable_from(self, log_start: int) -> int:
        """The first offset from which Kafka can be compared: how many of a range lie before its start nobody knows."""
        start = log_start
        while (cut := (self._low < start) & (start <= self._high)).any():
            start = int(self._high[cut].max()) + 1
        return start

    def counted(self, start: int) -> int:
        """How many records from `start` on are gone."""
        return int(self._n[self._low >= start].sum())

    def others(self, missing: Offsets) -> Offsets:
        """Those of the missing offsets that no range explains."""
        return missing[~self._within(missing)]

    def problems(self, where: str, missing: Offsets, start: int) -> list[str]:
        """A sentence where more or fewer are missing within the ranges than are said to be gone."""
        expected, found = self.counted(start), int(self._within(missing).sum())
        if expected == found:
            return []
        return [f"retention took {expected} records of {where} from bronze/readings, and {found} are missing there"]

    def _within(self, offsets: Offsets) -> npt.NDArray[np.bool_]:
        # A range is in reach of an offset when more of them have begun by then than have ended before it.
        begun = np.searchsorted(self._low, offsets, "right")
        ended = np.searchsorted(np.sort(self._high), offsets, "left")
        return begun > ended
