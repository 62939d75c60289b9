"""What the warehouse holds: its facts, and the Gold version that its newest load was made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa

from pipeline_workers.verification.errors import WarehouseUnreadable

CHUNK = 50_000
CONNECT_SECONDS = 5
FACT = "SELECT reading_count FROM fact_sensor_readings WHERE sensor_id = %s AND window_start = %s"
FACTS = """
    SELECT sensor_id, (extract(epoch FROM window_start)::bigint / 300), reading_count FROM fact_sensor_readings
"""
# By commit: loads are ordered by the loader's lock, not by their ids. One from before Gold was there names no version.
NEWEST_LOAD = "SELECT gold_version, seqs FROM load_ledger WHERE gold_version IS NOT NULL ORDER BY position DESC LIMIT 1"


@dataclass(frozen=True)
class Facts:
    """`windows` has sensor_id, window_number (5 minutes each since the epoch), n; `gold_version` None before a load.

    `held` has the sequences of batch runs whose rows the newest load has left out.
    """

    windows: pa.Table
    gold_version: int | None
    held: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fact:
    """`reading_count` None where there is no such window; the others as of Facts."""

    reading_count: int | None
    gold_version: int | None
    held: tuple[int, ...] = ()


def fact(url: str, sensor: str, window_start: datetime) -> Fact:
    """A window as of one moment. Raises WarehouseUnreadable."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            newest = connection.execute(NEWEST_LOAD).fetchone()
            found = connection.execute(FACT, (sensor, window_start)).fetchone()
    except psycopg.errors.UndefinedTable:
        return Fact(None, None)
    except psycopg.Error as error:
        raise WarehouseUnreadable(f"the warehouse cannot be read: {str(error).splitlines()[0]}") from error
    return Fact(int(found[0]) if found else None, *_of_load(newest))


def facts(url: str) -> Facts:
    """Facts and ledger as of one moment."""
    rows: list[tuple[str, int, int]] = []
    try:
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            newest = connection.execute(NEWEST_LOAD).fetchone()
            with connection.cursor("facts") as cursor:
                cursor.itersize = CHUNK
                rows.extend(cursor.execute(FACTS))
    except psycopg.errors.UndefinedTable:
        # Before the first load there is no schema: nothing is there, and nothing has been loaded.
        newest = None
    except psycopg.Error as error:
        raise WarehouseUnreadable(f"the warehouse cannot be read: {str(error).splitlines()[0]}") from error
    schema = pa.schema([("sensor_id", pa.string()), ("window_number", pa.int64()), ("n", pa.int64())])
    columns = zip(*rows, strict=True) if rows else [[], [], []]
    windows = pa.table([list(column) for column in columns], schema=schema)
    return Facts(windows, *_of_load(newest))


def _of_load(newest: tuple[Any, ...] | None) -> tuple[int | None, tuple[int, ...]]:
    """The version of Gold that a load was made from, and the batch sequences that it has left out."""
    return (int(newest[0]), tuple(newest[1].get("held", ()))) if newest else (None, ())
