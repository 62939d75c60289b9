"""A lake that delta-rs made, for its upkeep to be tried on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.applications import MaintenanceArguments
from spark_jobs.contracts import BatchCommitted, Message, Table
from spark_jobs.jobs.expiring import Expiring
from spark_jobs.jobs.tables import LAYOUTS, ensure_tables
from spark_jobs.jobs.telemetry import Publisher

TODAY = datetime.now(UTC).date()
OLD, YOUNG = TODAY - timedelta(days=40), TODAY - timedelta(days=3)


class Killed(BaseException):
    """Ends a stage as a kill would, as far as the lake can tell."""


class Told(Publisher):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.messages: list[BatchCommitted] = []

    def send(self, message: Message) -> None:
        assert isinstance(message, BatchCommitted)
        self.messages.append(message)

    def flush(self) -> None:
        pass


class Lake:
    """A lake written row by row, one small file at each commit."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.seq = self.offset = 0
        ensure_tables(self.root)

    def table(self, table: Table) -> DeltaTable:
        return DeltaTable(table.under(self.root))

    def rows(self, table: Table) -> pl.DataFrame:
        return pl.DataFrame(self.table(table).to_pyarrow_table())

    def append(self, table: Table, rows: list[dict[str, Any]], app: str = "") -> None:
        schema = to_arrow_schema(LAYOUTS[table].schema, timezone="UTC")
        full = [{**dict.fromkeys(schema.names), **row} for row in rows]
        once = CommitProperties(app_transactions=[Transaction(f"penstock/plant/{app}", self.seq)] if app else [])
        data = pa.Table.from_pylist(full, schema=schema)
        write_deltalake(table.under(self.root), data, mode="append", commit_properties=once)

    def ingest(self, day: date, accepted: int, reasons: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """A batch of Bronze; gives what was accepted."""
        self.seq += 1
        rows = []
        for reason in (*[None] * accepted, *reasons):
            at = datetime(day.year, day.month, day.day, 10, tzinfo=UTC) + timedelta(minutes=self.offset % 600)
            place = {"topic": "readings", "partition": 0, "offset": self.offset, "kafka_timestamp": at}
            kind = {"disposition": "dead_letter" if reason else "accepted", "reason": reason, "ingest_date": day}
            rows.append({**place, **kind, "ingest_seq": self.seq, "sensor_id": "t-1", "timestamp": at, "value": 1.5})
            self.offset += 1
        self.append(Table.BRONZE, rows, "ingest")
        return [row for row in rows if row["disposition"] == "accepted"]

    def refine(self, accepted: list[dict[str, Any]], aside: int = 0) -> None:
        """Silver of them, the first few set aside."""
        away = [{**row, "refine_seq": self.seq, "reason": "duplicate"} for row in accepted[:aside]]
        if away:
            self.append(Table.SET_ASIDE, away, "refine")
        kept = [{**row, "refine_seq": self.seq, "event_date": row["timestamp"].date()} for row in accepted[aside:]]
        names = LAYOUTS[Table.SILVER].schema.names
        self.append(Table.SILVER, [{name: row.get(name) for name in names} for row in kept], "refine")

    def aggregate(self) -> None:
        row = {"sensor_id": "t-1", "refine_seq": self.seq, "event_date": TODAY, "reading_count": 1}
        self.append(Table.SENSOR_5MIN, [{**row, "gold_seq": self.seq}], "aggregate")

    def take(self, day: date, accepted: int = 3, reasons: tuple[str, ...] = ()) -> None:
        """A batch all the way."""
        self.refine(self.ingest(day, accepted, reasons), aside=1)
        self.aggregate()


def expire(arguments: MaintenanceArguments, told: Told | None = None, **changes: Any) -> dict[str, Any]:
    folder = Path(arguments.workspace)
    return Expiring(replace(arguments, **changes), told or Told(), folder).expire().detail


def balance(lake: Lake) -> Counter[tuple[str, int]]:
    """Offsets by disposition: what Bronze holds, and what bronze/expired says that it held."""
    held = Counter(lake.rows(Table.BRONZE).select("disposition", "offset").iter_rows())
    reached = lake.table(Table.BRONZE).transaction_version("penstock/plant/expire") or 0
    for row in lake.rows(Table.EXPIRED).filter(pl.col("expiry") <= reached).iter_rows(named=True):
        assert row["count"] == row["last_offset"] - row["first_offset"] + 1  # in these lakes, without gaps
        held.update((row["disposition"], at) for at in range(row["first_offset"], row["last_offset"] + 1))
    return held
