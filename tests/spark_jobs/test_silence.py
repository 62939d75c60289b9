from __future__ import annotations

import random
from itertools import pairwise

from spark_jobs.transforms.silence import EXPECTED_FOR, Roster, Sensor

WINDOW = 300
DUE = {"temperature"}


def window(sensor_id: str, number: int, kind: str = "temperature") -> Sensor:
    return Sensor(sensor_id, kind, "here", "celsius", number * WINDOW, number * WINDOW)


def silent_windows(batches: list[list[Sensor]], restarts: frozenset[int] = frozenset()) -> set[tuple[str, int]]:
    """Rows with 0 readings after these batches; at a restart the roster is made of the rows that are there."""
    roster, rows, zero = Roster([], 600), dict[str, set[int]](), set[tuple[str, int]]()
    for number, batch in enumerate(batches):
        if number in restarts:
            roster = Roster(recalled(rows, zero), 600)
        newest = max(sensor.last for sensor in batch) + 1.0
        for sensor in batch:
            rows.setdefault(sensor.sensor_id, set()).add(sensor.last)
        zero |= {(sensor.sensor_id, start) for sensor, start in roster.silences(batch, newest, DUE)}
    return {(name, start) for name, start in zero if start not in rows[name]}


def recalled(rows: dict[str, set[int]], zero: set[tuple[str, int]]) -> list[Sensor]:
    last = {name: max(starts) for name, starts in rows.items()}
    filled = {name: max([last[name], *(start for other, start in zero if other == name)]) for name in rows}
    return [Sensor(name, "temperature", "here", "celsius", last[name], filled[name]) for name in rows]


def test_a_sensor_that_stops_gets_a_row_for_each_window_that_the_fleet_closes() -> None:
    batches = [[window("a", 1), window("b", 1)], [window("a", 2)], [window("a", 9)]]
    assert silent_windows(batches) == {("b", n * WINDOW) for n in range(2, 7)} | {
        ("a", n * WINDOW) for n in range(3, 9)
    }


def test_after_a_day_a_silent_sensor_is_no_longer_expected() -> None:
    late = EXPECTED_FOR // WINDOW + 50
    zero = silent_windows([[window("b", 1)], [window("a", late)]])
    assert max(start for name, start in zero if name == "b") == WINDOW + EXPECTED_FOR


def test_a_type_that_owes_no_reading_in_every_window_is_never_silent() -> None:
    assert silent_windows([[window("a", 1, "rain")], [window("a", 9, "rain")]]) == set()


def test_silence_does_not_depend_on_batches_or_restarts() -> None:
    dice = random.Random(7)
    seen = [window(f"s{dice.randrange(4)}", n // 4 + dice.randrange(3)) for n in range(160) if dice.random() < 0.4]
    whole = silent_windows([seen])
    for _ in range(50):
        cuts = sorted({0, len(seen), *(dice.randrange(len(seen)) for _ in range(dice.randrange(12)))})
        batches = [seen[a:b] for a, b in pairwise(cuts)]
        restarts = frozenset(n for n in range(len(batches)) if dice.random() < 0.5)
        assert silent_windows(batches, restarts) == whole
