"""Recorded readings keep their times, and a bad row is named and not sent."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from pipeline_workers.simulator.replay import RowError, rows
from pipeline_workers.simulator.source import ReplaySource

OFFICE = Path(__file__).parents[1] / "data" / "office_temperature.csv"
HEADER = "sensor_id,sensor_type,timestamp,value,unit,location"
GOOD = "s1,temperature,2013-07-04T00:00:00+00:00,21.0,celsius,floor-1-zone-A"


def source(
    path: Path, *, speed: float = 0.0, rebase: bool = False, messages: int | None = None, start: int = 0
) -> ReplaySource:
    return ReplaySource(rows(path), speed=speed, rebase=rebase, messages=messages, start=start)


def written(tmp_path: Path, *lines: str | bytes) -> Path:
    path = tmp_path / "readings.csv"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n")
    return path


def drained(replay: ReplaySource) -> list[dict[str, object]]:
    readings = []
    while (due := replay.next_due()) is not None:
        batch = replay.take(due)
        assert len(batch) > 0
        assert batch.kinds == {}
        readings += [json.loads(payload or "") for payload in batch.payloads]
    return readings


def test_the_office_data_are_replayed_whole_with_their_own_times() -> None:
    readings = drained(source(OFFICE))
    assert len(readings) == 7267
    assert readings[0] == {
        "sensor_id": "office-ambient-01",
        "sensor_type": "temperature",
        "timestamp": "2013-07-04T00:00:00+00:00",
        "value": 21.0449,
        "unit": "celsius",
        "location": "floor-1-zone-A",
    }
    times = [str(reading["timestamp"]) for reading in readings]
    assert times == sorted(times)
    assert len(set(times)) == 7267


def test_rows_are_due_at_the_recordings_pace_times_the_speed() -> None:
    replay = source(OFFICE, speed=3600.0, start=1_000_000)
    assert replay.next_due() == 1_000_000
    assert len(replay.take(1_000_000)) == 1
    assert replay.next_due() == 2_000_000  # the next hour, a second later
    assert len(replay.take(1_999_999)) == 0
    assert len(replay.take(3_500_000)) == 2


def test_rebased_rows_start_at_now_and_follow_at_the_pace() -> None:
    start = 1_790_000_000_000_000
    replay = source(OFFICE, speed=3600.0, rebase=True, start=start)
    batch = replay.take(start + 2_000_000)
    assert [json.loads(payload or "")["timestamp"] for payload in batch.payloads] == [
        "2026-09-21T14:13:20+00:00", "2026-09-21T14:13:21+00:00", "2026-09-21T14:13:22+00:00",
    ]  # fmt: skip


def test_max_events_ends_a_replay() -> None:
    assert len(drained(source(OFFICE, messages=10))) == 10


def test_a_time_with_another_offset_is_sent_as_the_same_moment_in_utc(tmp_path: Path) -> None:
    row = GOOD.replace("2013-07-04T00:00:00+00:00", "2013-07-04T00:00:00.25+02:00")
    (reading,) = drained(source(written(tmp_path, HEADER, row)))
    assert reading["timestamp"] == "2013-07-03T22:00:00.250000+00:00"


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    path = written(
        tmp_path, "value,unit,location,timestamp,sensor_type,sensor_id", "1,g,here,2013-07-04T00:00Z,vibration,v1"
    )
    (reading,) = drained(source(path))
    assert (reading["sensor_id"], reading["value"], reading["unit"]) == ("v1", 1.0, "g")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (GOOD.replace("21.0", "warm"), "line 3, column value: 'warm' is not a finite number"),
        (GOOD.replace("21.0", "nan"), "line 3, column value: 'nan' is not a finite number"),
        (GOOD.replace("21.0", "1e999"), "line 3, column value: '1e999' is not a finite number"),
        (GOOD.replace("celsius", ""), "line 3, column unit: empty"),
        (GOOD.replace("2013-07-04", "04.07.2013 "), "line 3, column timestamp: .* is not an ISO-8601 time"),
        (GOOD.replace("+00:00", ""), "line 3, column timestamp: .* has no offset"),
        (GOOD.encode().replace(b"floor", b"\xff"), "line 3, column location: not UTF-8"),
        (GOOD + ",more", "line 3: 7 columns, the header has 6"),
        (GOOD.replace("celsius", '"celsius'), "line 3: "),
    ],
)
def test_a_bad_row_is_named_by_line_and_column_after_the_good_ones_went_out(
    tmp_path: Path, row: str | bytes, problem: str
) -> None:
    replay = source(written(tmp_path, HEADER, GOOD, row))
    assert len(replay.take(0)) == 1
    with pytest.raises(RowError, match=problem):
        replay.next_due()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["sensor_id,value", "a,1"], "line 1: the columns are sensor_id,value"),
        ([HEADER + ",note"], "line 1"),
        ([HEADER.replace("unit", "value")], "line 1"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path: Path, lines: list[str], problem: str) -> None:
    with pytest.raises(RowError, match=problem):
        source(written(tmp_path, *lines)).next_due()


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    with pytest.raises(RowError, match="the file is empty"):
        source(path).next_due()


def test_a_file_is_streamed_not_loaded(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, *[GOOD] * 100_000)
    replay = source(path)
    tracemalloc.start()
    try:
        sent = 0
        while (due := replay.next_due()) is not None:
            sent += len(replay.take(due))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent == 100_000
    assert peak < path.stat().st_size / 2
