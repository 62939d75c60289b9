"""The loader for PostgreSQL."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from pipeline_workers.loaders import gold
from pipeline_workers.loaders.base import FACTS, Fact, Held, Loaded, nothing_held
from spark_jobs.contracts import Table

# One load at a time, and no load while the schema is made. Any constant will do that nobody else uses.
LOCK = 0x70656E73746F636B
CONNECT_SECONDS = 10
# Among the sequences of a load: of batch runs whose rows of sensor_5min it has left out, and what it lacks of these.
HELD, HELD_BY_HOUR = "held", "held_by_hour"
LOCK_TIMEOUT = "120s"

TYPES = {
    "sensor_id": "text",
    "sensor_type": "text",
    "location": "text",
    "unit": "text",
    "window_start": "timestamptz",
    "window_end": "timestamptz",
    "hour_start": "timestamptz",
    "event_date": "date",
    "sensor_count": "bigint",
    "reading_count": "bigint",
    "anomaly_count": "bigint",
    "gold_seq": "bigint",
}
DIMENSIONS = """
CREATE TABLE IF NOT EXISTS dim_sensors (
    sensor_id text PRIMARY KEY, sensor_type text, unit text, location text
);
CREATE TABLE IF NOT EXISTS dim_time (
    window_start timestamptz PRIMARY KEY, event_date date NOT NULL, year int NOT NULL, month int NOT NULL,
    day int NOT NULL, day_of_week int NOT NULL, hour int NOT NULL, minute int NOT NULL
);
CREATE TABLE IF NOT EXISTS load_ledger (
    -- The order of the loads: given under the lock, which neither ids nor a clock that is set back are.
    position bigint GENERATED ALWAYS AS IDENTITY, id bigint PRIMARY KEY, committed_at timestamptz NOT NULL,
    gold_version bigint, gold_versions jsonb NOT NULL,
    seqs jsonb NOT NULL, windows bigint NOT NULL, rise_by_hour jsonb NOT NULL
);
"""
SENSORS = """
INSERT INTO dim_sensors (sensor_id, sensor_type, unit, location)
SELECT DISTINCT ON (sensor_id) sensor_id, sensor_type, unit, location FROM staged_fact_sensor_readings
ORDER BY sensor_id, window_start DESC
ON CONFLICT (sensor_id) DO UPDATE
SET sensor_type = excluded.sensor_type, unit = excluded.unit, location = excluded.location
WHERE (dim_sensors.sensor_type, dim_sensors.unit, dim_sensors.location)
    IS DISTINCT FROM (excluded.sensor_type, excluded.unit, excluded.location)
"""
TIMES = """
INSERT INTO dim_time
SELECT window_start, event_date, extract(year FROM utc), extract(month FROM utc), extract(day FROM utc),
    extract(isodow FROM utc), extract(hour FROM utc), extract(minute FROM utc)
FROM (SELECT DISTINCT window_start, event_date, window_start AT TIME ZONE 'UTC' AS utc
      FROM staged_fact_sensor_readings) AS windows
ON CONFLICT (window_start) DO NOTHING
"""
RISES = sql.SQL("""
SELECT extract(epoch FROM date_trunc('hour', staged.window_start, 'UTC'))::bigint AS hour,
    sum(staged.reading_count - coalesce(fact.reading_count, 0))::bigint AS rise
FROM {} AS staged LEFT JOIN fact_sensor_readings AS fact USING (sensor_id, window_start)
GROUP BY hour
""")
LEDGER = "SELECT id, committed_at, gold_versions, seqs, windows, rise_by_hour FROM load_ledger"
NOTE = """
INSERT INTO load_ledger (id, committed_at, gold_version, gold_versions, seqs, windows, rise_by_hour)
VALUES (%s, clock_timestamp(), %s, %s, %s, %s, %s)
RETURNING id, committed_at, gold_versions, seqs, windows, rise_by_hour
"""


class PostgresLoader:
    """Loads into the database of `url`. One transaction a load: all of it is seen, or none."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ensure_schema(self) -> None:
        """Create the tables that are not there."""
        with psycopg.connect(self._url, connect_timeout=CONNECT_SECONDS) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            connection.execute(DIMENSIONS)
            for fact in FACTS:
                columns = [*_definitions(fact.columns), sql.SQL("PRIMARY KEY ({})").format(_names(fact.key))]
                statement = sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})")
                connection.execute(statement.format(sql.Identifier(fact.name), sql.SQL(", ").join(columns)))

    def load(self, load_id: int, lake: str, held: Held = nothing_held) -> Loaded:
        """Load what changed. Raises psycopg.Error and leaves everything as it was when that cannot be done."""
        with psycopg.connect(self._url, connect_timeout=CONNECT_SECONDS) as connection:
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            done = connection.execute(LEDGER + " WHERE id = %s", [load_id]).fetchone()
            if done is not None:
                return _loaded(done, repeated=True)
            seqs = self._reached(connection)
            versions: dict[str, int] = {}
            windows, rises = 0, dict[int, int]()
            tables = {fact: gold.pinned(lake, fact.gold) for fact in FACTS}
            days = held()
            read = {fact: gold.changed(tables[fact], fact.staged, _after(seqs, fact), days) for fact in FACTS}
            seqs[HELD], seqs[HELD_BY_HOUR] = [], {}
            for fact, rows in read.items():
                if rows.version is not None:
                    versions[fact.gold] = rows.version
                if fact.gold is Table.SENSOR_5MIN and rows.held_by:
                    waiting = _stage(connection, fact, rows.held, "held")
                    seqs[HELD], seqs[HELD_BY_HOUR] = list(rows.held_by), _rises(connection, waiting)
                for name, reached in rows.reached.items():
                    # What a batch run has changed alone may be older by the stream's count.
                    seqs[_key(fact, name)] = max(reached, seqs.get(_key(fact, name), -1))
                if not len(rows):
                    continue
                staged = _stage(connection, fact, rows.columns, "staged")
                if fact.gold is Table.SENSOR_5MIN:
                    windows = len(rows)
                    rises = _rises(connection, staged)
                    connection.execute(SENSORS)
                    connection.execute(TIMES)
                _replace(connection, fact)
            version = versions.get(Table.SENSOR_5MIN)
            note = [load_id, version, Jsonb(versions), Jsonb(seqs), windows, Jsonb(rises)]
            row = connection.execute(NOTE, note).fetchone()
        assert row is not None
        return _loaded(row, repeated=False)

    def _reached(self, connection: psycopg.Connection[Any]) -> dict[str, Any]:
        """The greatest of each sequence that is loaded of each Gold table, by `_key`."""
        newest = connection.execute("SELECT seqs FROM load_ledger ORDER BY position DESC LIMIT 1").fetchone()
        return dict(newest[0]) if newest else {}


def _after(seqs: dict[str, Any], fact: Fact) -> dict[str, int]:
    return {name: seqs.get(_key(fact, name), -1) for name in gold.SEQUENCES}


def _key(fact: Fact, sequence: str) -> str:
    """`gold_seq` is under the table's own name, where loads before there were batch runs have it."""
    return str(fact.gold) if sequence == "gold_seq" else f"{fact.gold} {sequence}"


def _stage(connection: psycopg.Connection[Any], fact: Fact, lists: list[list[Any]], name: str) -> sql.Identifier:
    """Rows, given as value lists, in a table that lives as long as the transaction."""
    staging = sql.Identifier(f"{name}_{fact.name}")
    columns = sql.SQL(", ").join(_definitions(fact.staged))
    connection.execute(sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(staging, columns))
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(staging, _names(fact.staged))
    with connection.cursor() as cursor, cursor.copy(copy) as target:
        for row in zip(*lists, strict=True):
            target.write_row(row)
    connection.execute(sql.SQL("ANALYZE {}").format(staging))
    return staging


def _rises(connection: psycopg.Connection[Any], staging: sql.Identifier) -> dict[int, int]:
    """What of their reading_count the warehouse does not have yet, by event hour (epoch seconds)."""
    return dict(connection.execute(RISES.format(staging)).fetchall())


def _replace(connection: psycopg.Connection[Any], fact: Fact) -> None:
    """Delete the facts of the staged windows, insert what is staged."""
    target, staging = sql.Identifier(fact.name), sql.Identifier(f"staged_{fact.name}")
    same = sql.SQL(" AND ").join(sql.SQL("fact.{0} = staged.{0}").format(sql.Identifier(name)) for name in fact.key)
    delete = sql.SQL("DELETE FROM {} AS fact USING {} AS staged WHERE {}").format(target, staging, same)
    connection.execute(delete)
    names = _names(fact.columns)
    connection.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(target, names, names, staging))


def _loaded(row: tuple[Any, ...], *, repeated: bool) -> Loaded:
    load_id, committed_at, versions, seqs, windows, rises = row
    return Loaded(
        load_id=load_id,
        gold_versions=versions,
        windows=windows,
        rise_by_hour={int(hour): rise for hour, rise in rises.items()},
        committed_at=committed_at.timestamp(),
        seq=seqs.get(Table.SENSOR_5MIN, -1),
        repeated=repeated,
        held_by_hour={int(hour): rise for hour, rise in seqs.get(HELD_BY_HOUR, {}).items()},
    )


def _names(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _definitions(names: tuple[str, ...]) -> list[sql.Composed]:
    return [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(TYPES.get(name, "double precision"))) for name in names
    ]
