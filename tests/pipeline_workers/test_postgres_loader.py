from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

from pipeline_workers.loaders.base import FACTS, Loaded
from pipeline_workers.loaders.postgres import PostgresLoader
from spark_jobs.contracts import Table

pytestmark = pytest.mark.integration
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = int(START.timestamp())
LOAD = """
import sys
from pipeline_workers.loaders.postgres import PostgresLoader
PostgresLoader(sys.stdin.readline().strip()).load(int(sys.argv[1]), sys.argv[2])
print("committed", flush=True)
sys.stdin.readline()
"""
# A commit that notes a load stops in its middle until nobody holds the lock.
SLOW_COMMIT = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON load_ledger DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold()
"""


@pytest.fixture
def loader(warehouse: str) -> PostgresLoader:
    made = PostgresLoader(warehouse)
    made.ensure_schema()
    made.ensure_schema()
    return made


@pytest.fixture
def lake(tmp_path: Path) -> str:
    return str(tmp_path / "lake")


def write(lake: str, counts: dict[tuple[str, int], int], seq: int) -> None:
    """Have sensor_5min hold `counts` by (sensor, window number); rows whose count changed get `seq`."""
    path = Table.SENSOR_5MIN.under(lake)
    known: dict[tuple[str, int], tuple[int, int]] = getattr(write, "known", {}).setdefault(path, {})
    for key, count in counts.items():
        if known.get(key, (None, 0))[0] != count:
            known[key] = (count, seq)
    rows = []
    for (sensor, number), (count, row_seq) in known.items():
        start = START + timedelta(minutes=5 * number)
        texts = {"sensor_id": sensor, "sensor_type": "temperature", "location": "here", "unit": "celsius"}
        times = {"window_start": start, "window_end": start + timedelta(minutes=5), "event_date": start.date()}
        figures = dict.fromkeys(["value_avg", "value_min", "value_max", "value_stddev", "p50", "p95", "p99"], 1.5)
        rows.append(
            {**texts, **times, **figures, "reading_count": count, "anomaly_count": 0, "gold_seq": row_seq}
            | {"expected_readings": 30.0, "health_pct": 100.0}
        )
    write_deltalake(path, pa.Table.from_pylist(rows), mode="overwrite", partition_by=["event_date"])


write.known = {}  # type: ignore[attr-defined]


def facts(url: str) -> dict[tuple[str, int], int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT sensor_id, window_start, reading_count FROM fact_sensor_readings").fetchall()
    return {(sensor, int((start - START).total_seconds() // 300)): count for sensor, start, count in rows}


def test_only_the_windows_that_changed_are_loaded_and_their_rise_is_told(
    loader: PostgresLoader, warehouse: str, lake: str
) -> None:
    write(lake, {("a", 0): 3, ("a", 1): 4, ("b", 13): 5}, seq=1)
    first = loader.load(1, lake)
    assert (first.windows, first.rise_by_hour, first.seq) == (3, {HOUR: 7, HOUR + 3600: 5}, 1)
    write(lake, {("a", 1): 6, ("c", 1): 0}, seq=2)
    second = loader.load(2, lake)
    assert (second.windows, second.rise_by_hour, second.seq) == (2, {HOUR: 2}, 2)
    assert facts(warehouse) == {("a", 0): 3, ("a", 1): 6, ("b", 13): 5, ("c", 1): 0}
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("SELECT count(*) FROM dim_sensors").fetchone() == (3,)
        assert connection.execute("SELECT hour, minute FROM dim_time ORDER BY window_start").fetchall() == [
            (12, 0),
            (12, 5),
            (13, 5),
        ]


def test_windows_made_anew_by_a_batch_run_are_loaded_and_hold_up_nothing_of_the_stream(
    loader: PostgresLoader, warehouse: str, lake: str
) -> None:
    path = Table.SENSOR_5MIN.under(lake)
    write(lake, {("a", 0): 3, ("a", 1): 4}, seq=8)
    loader.load(1, lake)
    remade = pa.table(DeltaTable(path).to_pyarrow_table())
    at = pc.equal(remade["window_start"], START)
    counts = pc.if_else(at, 5, remade["reading_count"])
    remade = remade.set_column(remade.schema.get_field_index("reading_count"), "reading_count", counts)
    remade = remade.append_column("batch_seq", pc.if_else(at, pa.scalar(7, pa.int64()), pa.scalar(None, pa.int64())))
    write_deltalake(path, remade, mode="overwrite", schema_mode="overwrite", partition_by=["event_date"])
    second = loader.load(2, lake)
    assert (second.windows, second.rise_by_hour, second.seq) == (1, {HOUR: 2}, 8)
    assert loader.load(3, lake).windows == 0
    seqs = pc.if_else(pc.invert(at), pa.scalar(9, pa.int64()), remade["gold_seq"])
    streamed = remade.set_column(remade.schema.get_field_index("gold_seq"), "gold_seq", seqs)
    write_deltalake(path, streamed, mode="overwrite", partition_by=["event_date"])
    fourth = loader.load(4, lake)
    assert (fourth.windows, fourth.seq) == (1, 9)
    assert facts(warehouse) == {("a", 0): 5, ("a", 1): 4}


def test_what_a_batch_run_made_of_a_held_day_waits_and_is_loaded_whole_when_it_is_not_held_any_more(
    loader: PostgresLoader, warehouse: str, lake: str
) -> None:
    path = Table.SENSOR_5MIN.under(lake)
    later = 12 * 13  # windows further, on the next day
    write(lake, {("a", 0): 3, ("a", 1): 4, ("a", later): 6}, seq=8)
    loader.load(1, lake)

    def made(counts: dict[int, int], batches: dict[int, int], seqs: dict[int, int]) -> None:
        rows = DeltaTable(path).to_pyarrow_table().to_pylist()
        for row in rows:
            number = int((row["window_start"] - START) / timedelta(minutes=5))
            row["reading_count"] = counts.get(number, row["reading_count"])
            row["batch_seq"] = batches.get(number, row.get("batch_seq"))
            row["gold_seq"] = seqs.get(number, row["gold_seq"])
        schema = pa.schema([*DeltaTable(path).to_pyarrow_table().schema.remove_metadata()])
        if "batch_seq" not in schema.names:
            schema = schema.append(pa.field("batch_seq", pa.int64()))
        table = pa.Table.from_pylist(rows, schema=schema)
        write_deltalake(path, table, mode="overwrite", schema_mode="overwrite", partition_by=["event_date"])

    # A run makes the first day, which is held; another the next; the stream goes on in both.
    made({0: 50, later: 7}, {0: 5, later: 6}, {})
    made({1: 9}, {}, {1: 9})
    held = loader.load(2, lake, lambda: {START.date()})
    assert (held.windows, held.held_by_hour) == (2, {HOUR: 47})
    assert facts(warehouse) == {("a", 0): 3, ("a", 1): 9, ("a", later): 7}
    made({0: 51}, {}, {0: 10})  # by the stream, in a window that waits
    assert loader.load(3, lake, lambda: {START.date()}).held_by_hour == {HOUR: 48}
    assert loader.load(3, lake).held_by_hour == {HOUR: 48}  # an earlier try of it had committed
    assert facts(warehouse)["a", 0] == 3
    free = loader.load(4, lake)
    assert (free.held_by_hour, free.rise_by_hour[HOUR]) == ({}, 48)
    assert facts(warehouse) == {("a", 0): 51, ("a", 1): 9, ("a", later): 7}
    assert loader.load(5, lake).windows == 0


def test_what_a_run_commits_once_it_was_asked_what_is_held_is_not_in_the_load(
    loader: PostgresLoader, warehouse: str, lake: str
) -> None:
    path = Table.SENSOR_5MIN.under(lake)
    write(lake, {("a", 0): 3}, seq=8)
    before = DeltaTable(path).to_pyarrow_table().append_column("batch_seq", pa.array([None], pa.int64()))
    write_deltalake(path, before, mode="overwrite", schema_mode="overwrite", partition_by=["event_date"])

    def nothing_yet() -> set[date]:
        rows = before.set_column(before.schema.get_field_index("reading_count"), "reading_count", [[50]])
        made = rows.set_column(rows.schema.get_field_index("batch_seq"), "batch_seq", pa.array([5], pa.int64()))
        write_deltalake(path, made, mode="overwrite", partition_by=["event_date"])
        return set()

    loader.load(1, lake, nothing_yet)
    assert facts(warehouse) == {("a", 0): 3}
    assert loader.load(2, lake, lambda: {START.date()}).held_by_hour == {HOUR: 47}
    assert facts(warehouse) == {("a", 0): 3}


def test_a_load_called_again_gives_the_same_figures_and_changes_nothing(
    loader: PostgresLoader, warehouse: str, lake: str
) -> None:
    write(lake, {("a", 0): 3}, seq=1)
    first = loader.load(1, lake)
    write(lake, {("a", 0): 9}, seq=2)
    again = loader.load(1, lake)
    assert again.repeated
    assert (again.rise_by_hour, again.seq, again.committed_at) == (first.rise_by_hour, 1, first.committed_at)
    assert facts(warehouse) == {("a", 0): 3}
    assert loader.load(2, lake).rise_by_hour == {HOUR: 6}


def test_a_lake_without_gold_is_an_empty_load(loader: PostgresLoader, lake: str) -> None:
    done = loader.load(1, lake)
    assert (done.windows, done.rise_by_hour, done.seq, done.gold_versions) == (0, {}, -1, {})


def test_hours_and_days_are_loaded_beside_the_windows(loader: PostgresLoader, warehouse: str, lake: str) -> None:
    for fact in FACTS[1:]:
        numbers = dict.fromkeys([c for c in fact.columns if c not in (*fact.key, "event_date")], 2)
        row: dict[str, Any] = {**numbers, "location": "here", "sensor_type": "t", "event_date": START.date()}
        if "hour_start" in fact.key:
            row["hour_start"] = START
        write_deltalake(fact.gold.under(lake), pa.Table.from_pylist([row]), partition_by=["event_date"])
    loader.load(1, lake)
    loader.load(2, lake)
    with psycopg.connect(warehouse) as connection:
        for name in ("fact_location_hourly", "fact_daily_summary"):
            assert connection.execute(f"SELECT reading_count, sensor_count FROM {name}").fetchall() == [(2, 2)]


def test_two_loads_at_once_leave_exact_rows(loader: PostgresLoader, warehouse: str, lake: str) -> None:
    write(lake, {("a", number): number for number in range(200)}, seq=1)
    done: list[Loaded] = []
    threads = [threading.Thread(target=lambda n=n: done.append(loader.load(n, lake))) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(sum(item.rise_by_hour.values()) for item in done) == sum(range(200))
    assert facts(warehouse) == {("a", number): number for number in range(200)}


def start_load(url: str, load_id: int, lake: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(load_id), lake], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(url + "\n")
    process.stdin.flush()
    return process


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def test_a_loader_killed_before_its_commit_leaves_nothing(loader: PostgresLoader, warehouse: str, lake: str) -> None:
    write(lake, {("a", 0): 3}, seq=1)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    with psycopg.connect(warehouse) as holding, psycopg.connect(warehouse, autocommit=True) as watching:
        # The loader reads its ledger and stages its rows, and stops where it would note the load.
        holding.execute("LOCK TABLE load_ledger IN SHARE ROW EXCLUSIVE MODE")
        process = start_load(warehouse, 1, lake)
        wait_for(lambda: watching.execute(waiting).fetchone() == (1,))
        process.kill()
        process.communicate()
        holding.rollback()
        wait_for(lambda: watching.execute(others).fetchone() == (1,))  # the one that holds nothing any more
    assert facts(warehouse) == {}
    assert loader.load(1, lake).rise_by_hour == {HOUR: 3}
    assert facts(warehouse) == {("a", 0): 3}


def test_a_loader_killed_in_its_commit_has_committed_all_of_it_or_nothing(
    loader: PostgresLoader, warehouse: str, lake: str
) -> None:
    write(lake, {("a", 0): 3}, seq=1)
    with psycopg.connect(warehouse, autocommit=True) as holding:
        holding.execute(SLOW_COMMIT)
        holding.execute("SELECT pg_advisory_lock(1)")
        process = start_load(warehouse, 1, lake)
        committing = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'advisory'"
        wait_for(lambda: holding.execute(committing).fetchone() == (1,))
        process.kill()
        process.communicate()
        holding.execute("SELECT pg_advisory_unlock(1)")
        assert loader.load(1, lake).rise_by_hour == {HOUR: 3}
    assert facts(warehouse) == {("a", 0): 3}
    assert loader.load(2, lake).rise_by_hour == {}


def test_a_loader_killed_after_its_commit_is_found_to_have_committed(
    loader: PostgresLoader, warehouse: str, lake: str
) -> None:
    write(lake, {("a", 0): 3}, seq=1)
    process = start_load(warehouse, 1, lake)
    assert process.stdout is not None
    assert process.stdout.readline() == "committed\n"
    process.kill()
    process.communicate()
    again = loader.load(1, lake)
    assert (again.repeated, again.rise_by_hour) == (True, {HOUR: 3})
    assert facts(warehouse) == {("a", 0): 3}
