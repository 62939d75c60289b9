"""Bronze made without Spark: dead letters at places of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from controlplane.ledger.services import entries_record
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from spark_jobs.contracts import Entry, Measure, Table, sequence
from spark_jobs.jobs.tables import ensure_tables

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = int(AT.timestamp())
READING = {
    "sensor_id": "t-1", "sensor_type": "temperature", "timestamp": "2026-03-01T11:59:00+00:00", "value": "21.5",
    "unit": "celsius", "location": "floor-1",
}  # fmt: skip
TO_NUMBER = [{"op": "cast", "field": "value", "to": "number"}]


def reading(number: int, **change: Any) -> bytes:
    """A reading that is refused because its value is a text."""
    return json.dumps({**READING, "sensor_id": f"t-{number}", **change}).encode()


def refuse(
    lake: str,
    pipeline: Pipeline,
    payloads: Sequence[bytes | None],
    *,
    batch: int = 0,
    reason: str = "wrong_type",
    first: int = 0,
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """Commit dead letters as a batch of ingest does, and tell the ledger."""
    ensure_tables(lake)
    table = DeltaTable(Table.BRONZE.under(lake))
    rows = [
        {
            "ingest_seq": sequence(1, batch), "topic": pipeline.topic, "partition": 0, "offset": first + at,
            "kafka_timestamp": AT, "reason": reason, "key": b"k", "payload": payload,
            "headers": [{"key": name, "value": value} for name, value in headers] or None,
            "disposition": "dead_letter", "ingest_date": AT.date(),
        }
        for at, payload in enumerate(payloads)
    ]  # fmt: skip
    schema = pa.schema(table.schema().to_arrow())
    write_deltalake(table, pa.Table.from_pylist(rows, schema=schema), mode="append")
    count = len(payloads)
    entries = [Entry(HOUR, Measure.KAFKA, count), Entry(HOUR, Measure.DEAD_LETTER, count, reason)]
    entries_record(pipeline=pipeline, query="ingest", generation=1, batch=batch, entries=entries)
    MicroBatch.objects.create(
        pipeline=pipeline, query="ingest", generation=1, batch=batch, table_version=1, rows_in=count, committed_at=AT,
        seconds=1.0,
    )  # fmt: skip
