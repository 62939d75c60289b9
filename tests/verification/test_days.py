"""The first check of a run's days finds what is wrong with them, and tells what is only behind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pipeline_workers.verification.days import check_days
from spark_jobs.contracts import Table

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")
SILVER = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("timestamp", TIME),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("event_date", pa.date32()),
    ]
)
GOLD = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("window_start", TIME),
        ("reading_count", pa.int64()),
        ("anomaly_count", pa.int64()),
        *((f"value_{name}", pa.float64()) for name in ("min", "avg", "max")),
        ("event_date", pa.date32()),
    ]
)
READING = {"sensor_id": "a", "timestamp": NOON, "value": 1.0, "unit": "g", "event_date": DAY}
WINDOW = {
    "sensor_id": "a", "window_start": NOON, "reading_count": 2, "anomaly_count": 0,
    "value_min": 1.0, "value_avg": 1.0, "value_max": 1.0, "event_date": DAY,
}  # fmt: skip


def lake(folder: Path, silver: list[dict[str, Any]], gold: list[dict[str, Any]]) -> str:
    for table, rows, schema in ((Table.SILVER, silver, SILVER), (Table.SENSOR_5MIN, gold, GOLD)):
        write_deltalake(
            table.under(str(folder)), pa.Table.from_pylist(rows, schema=schema), partition_by=["event_date"]
        )
    return str(folder)


def readings(count: int = 2, **last: Any) -> list[dict[str, Any]]:
    rows = [{**READING, "timestamp": NOON + timedelta(seconds=at)} for at in range(count)]
    rows[-1] |= last
    return rows


def test_days_that_are_right_pass(tmp_path: Path) -> None:
    other = {**READING, "event_date": date(2026, 11, 22), "value": None}
    found = check_days(lake(tmp_path, [*readings(), other], [WINDOW]), DAY, DAY)
    assert (found.silver, found.gold, found.behind, found.broken) == (2, 2, 0, ())
    assert len(found.checks) == 7


def test_a_lake_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    found = check_days(str(tmp_path), DAY, DAY)
    assert (found.silver, found.gold, found.broken) == (0, 0, ())


def test_gold_may_be_behind(tmp_path: Path) -> None:
    found = check_days(lake(tmp_path, readings(5), [WINDOW]), DAY, DAY)
    assert (found.behind, found.broken) == (3, ())


@pytest.mark.parametrize(
    ("last", "window", "words"),
    [
        ({"unit": None}, {}, "1 readings with a null"),
        ({"value": float("nan")}, {}, "1 values that are not finite"),
        ({"timestamp": NOON}, {}, "1 readings that are there twice"),
        ({"timestamp": NOON + timedelta(days=1)}, {}, "1 readings in another day's partition"),
        ({}, {"reading_count": 3}, "1 readings that Gold counts and Silver has not"),
        ({}, {"value_avg": 2.0}, "1 windows whose figures contradict each other"),
    ],
)
def test_what_is_wrong_is_counted(tmp_path: Path, last: dict[str, Any], window: dict[str, Any], words: str) -> None:
    found = check_days(lake(tmp_path, readings(**last), [{**WINDOW, **window}]), DAY, DAY)
    assert words in found.broken


def test_a_window_that_is_there_twice_is_found(tmp_path: Path) -> None:
    found = check_days(lake(tmp_path, readings(4), [WINDOW, WINDOW]), DAY, DAY)
    assert found.broken == ("1 windows that are there twice",)
