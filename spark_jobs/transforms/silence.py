"""Windows in which a sensor that was expected said nothing: rows with 0 readings, found without a clock.

A sensor is expected for EXPECTED_FOR after each of its readings, in windows that the fleet's event time has closed.
Which windows those are depends on the readings alone, not on how they fell into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from spark_jobs.transforms.windows import WINDOW_SECONDS

EXPECTED_FOR = 24 * 3600


@dataclass(frozen=True)
class Sensor:
    """`last` is the start of the newest window with readings, `filled` of the newest that has a row; epoch seconds."""

    sensor_id: str
    sensor_type: str
    location: str
    unit: str
    last: int
    filled: int


class Roster:
    """The sensors that Gold knows, and which of their windows are due a row with 0 readings."""

    def __init__(self, sensors: Iterable[Sensor], watermark_seconds: float) -> None:
        self._sensors = {sensor.sensor_id: sensor for sensor in sensors}
        self._watermark = watermark_seconds
        self._closed = 0

    def __len__(self) -> int:
        return len(self._sensors)

    def silences(self, seen: Iterable[Sensor], newest: float, due: set[str]) -> list[tuple[Sensor, int]]:
        """Take the windows that a batch `seen` has readings in, and return the (sensor, window start) that have none.

        `seen` holds a Sensor for each window with readings (`last`); `newest` is the batch's greatest event time;
        `due` names the sensor types that owe a reading in every window. A returned window may have a row already:
        insert it where there is none.
        """
        silent: list[tuple[Sensor, int]] = []
        for sensor in sorted(seen, key=lambda item: (item.sensor_id, item.last)):
            known = self._sensors.get(sensor.sensor_id)
            if known is None:
                self._sensors[sensor.sensor_id] = replace(sensor, filled=sensor.last)
                continue
            earlier, later = sorted((known.last, sensor.last))
            if sensor.sensor_type in due:
                # From its newest reading to the newest row there is no gap: those rows were made as windows closed.
                filled = known.filled if earlier == known.last else earlier
                silent.extend((sensor, start) for start in _between(earlier, later) if start > filled)
            newer = sensor if sensor.last > known.last else known
            self._sensors[sensor.sensor_id] = replace(newer, last=later, filled=max(known.filled, later))
        closed = int((newest - self._watermark) // WINDOW_SECONDS - 1) * WINDOW_SECONDS
        if closed > self._closed:
            self._closed = closed
            silent.extend(self._fill(due))
        return silent

    def _fill(self, due: set[str]) -> Iterator[tuple[Sensor, int]]:
        for sensor in list(self._sensors.values()):
            end = min(self._closed, sensor.last + EXPECTED_FOR)
            if sensor.sensor_type not in due or end <= sensor.filled:
                continue
            yield from ((sensor, start) for start in range(sensor.filled + WINDOW_SECONDS, end + 1, WINDOW_SECONDS))
            self._sensors[sensor.sensor_id] = replace(sensor, filled=end)


def _between(earlier: int, later: int) -> range:
    """Windows after `earlier` and before `later`, no further than a sensor is expected."""
    return range(earlier + WINDOW_SECONDS, min(later, earlier + EXPECTED_FOR + 1), WINDOW_SECONDS)
