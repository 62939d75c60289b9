"""Tables of the lake made row by row, without Spark; what a row does not say is null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from spark_jobs.contracts import Table
from spark_jobs.jobs.tables import ensure_tables

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def append(lake: str, table: Table, rows: list[dict[str, Any]], **transactions: int) -> int:
    """Commit rows, with the applications' transactions; the table's version after it."""
    ensure_tables(lake)
    opened = DeltaTable(table.under(lake))
    data = pa.Table.from_pylist(rows, schema=pa.schema(opened.schema().to_arrow()))
    told = [Transaction(f"penstock/plant/{name}", number) for name, number in transactions.items()]
    write_deltalake(opened, data, mode="append", commit_properties=CommitProperties(app_transactions=told))
    return opened.version()


def accepted(topic: str, partition: int, offset: int, sensor: str, at: datetime, **other: Any) -> dict[str, Any]:
    """A row of Bronze that arrived when it was measured."""
    row = {
        "ingest_seq": 0, "topic": topic, "partition": partition, "offset": offset, "kafka_timestamp": at,
        "sensor_id": sensor, "sensor_type": "temperature", "timestamp": at, "value": 21.5, "unit": "celsius",
        "location": "floor-1", "disposition": "accepted", "ingest_date": at.date(),
    }  # fmt: skip
    return {**row, **other}
