"""A pipeline's Kafka, lake and warehouse without its jobs, for accounts to be recomputed from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
import pyarrow as pa
from confluent_kafka import Producer
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from psycopg.types.json import Jsonb

from spark_jobs.contracts import Table

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
UTC_TIME = pa.timestamp("us", "UTC")
PLACE = [("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64()), ("kafka_timestamp", UTC_TIME)]
READING = [("sensor_id", pa.string()), ("timestamp", UTC_TIME)]
SCHEMAS = {
    Table.BRONZE: pa.schema(
        [*PLACE, *READING, ("disposition", pa.string()), ("reason", pa.string()), ("ingest_date", pa.date32())]
    ),
    Table.EXPIRED: pa.schema(
        [
            ("expiry", pa.int64()),
            ("disposition", pa.string()),
            ("reason", pa.string()),
            ("topic", pa.string()),
            ("partition", pa.int32()),
            ("first_offset", pa.int64()),
            ("last_offset", pa.int64()),
            ("count", pa.int64()),
        ]
    ),
    Table.SILVER: pa.schema(
        [
            *PLACE,
            *READING,
            ("refine_seq", pa.int64()),
            ("anomaly_reasons", pa.list_(pa.string())),
            ("batch_run", pa.int64()),
            ("event_date", pa.date32()),
        ]
    ),
    Table.SET_ASIDE: pa.schema(
        [*PLACE, *READING, ("refine_seq", pa.int64()), ("reason", pa.string()), ("ingest_date", pa.date32())]
    ),
    Table.SENSOR_5MIN: pa.schema(
        [
            ("sensor_id", pa.string()),
            ("window_start", UTC_TIME),
            ("reading_count", pa.int64()),
            ("refine_seq", pa.int64()),
            ("fence_seq", pa.int64()),
            ("batch_seq", pa.int64()),
            ("event_date", pa.date32()),
        ]
    ),
}
PARTITIONS = {
    Table.BRONZE: ["disposition", "ingest_date"],
    Table.EXPIRED: [],
    Table.SILVER: ["event_date"],
    Table.SET_ASIDE: ["ingest_date"],
    Table.SENSOR_5MIN: ["event_date"],
}


@dataclass
class World:
    """A pipeline's Kafka, lake and warehouse, written row by row."""

    servers: str
    topic: str
    lake: str
    warehouse: str
    offsets: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})

    def deliver(self, partition: int, count: int) -> None:
        producer = Producer({"bootstrap.servers": self.servers})
        for _ in range(count):
            producer.produce(self.topic, b"{}", partition=partition)
        assert producer.flush(10) == 0

    def place(self, partition: int, offset: int) -> dict[str, Any]:
        return {"topic": self.topic, "partition": partition, "offset": offset, "kafka_timestamp": NOON}

    def reading(self, partition: int, offset: int) -> dict[str, Any]:
        """The reading at a place: one sensor per partition, a reading a minute."""
        place = self.place(partition, offset)
        return {**place, "sensor_id": f"sensor-{partition}", "timestamp": NOON + timedelta(minutes=offset)}

    def append(self, table: Table, rows: list[dict[str, Any]], refine_txn: int | None = None) -> None:
        day = {"event_date": date(2026, 11, 23), "ingest_date": date(2026, 11, 23)}
        full = [{**day, "reason": None, "anomaly_reasons": [], **row} for row in rows]
        data = pa.Table.from_pylist(full, schema=SCHEMAS[table])
        transactions = [] if refine_txn is None else [Transaction("penstock/plant/refine", refine_txn)]
        properties = CommitProperties(app_transactions=transactions)
        path = table.under(self.lake)
        write_deltalake(path, data, mode="append", partition_by=PARTITIONS[table], commit_properties=properties)

    def file(self, table: Table, number: int) -> Path:
        """The file of a table that its `number`th commit, from 1, has added."""
        path = Path(table.under(self.lake))
        added = [
            json.loads(line).get("add")
            for line in (path / "_delta_log" / f"{number - 1:020}.json").read_text().splitlines()
        ]
        (name,) = [unquote(item["path"]) for item in added if item]
        return path / name

    def delete(self, table: Table, where: str) -> None:
        assert DeltaTable(table.under(self.lake)).delete(where)["num_deleted_rows"] == 1

    def ingest(self, partition: int, offsets: range, refused: tuple[int, ...] = ()) -> None:
        accepted = [{**self.reading(partition, at), "disposition": "accepted"} for at in offsets if at not in refused]
        dead = [
            {**self.place(partition, at), "disposition": "dead_letter", "reason": "empty"}
            for at in offsets
            if at in refused
        ]
        self.append(Table.BRONZE, [*accepted, *dead])

    def keep(self, partition: int, offsets: list[int], seq: int, flagged: tuple[int, ...] = ()) -> None:
        rows = [
            {
                **self.reading(partition, at),
                "refine_seq": seq,
                "anomaly_reasons": ["zscore"] if at in flagged else [],
            }
            for at in offsets
        ]
        self.append(Table.SILVER, rows, refine_txn=seq)

    def absorb(self, partition: int, offset: int, seq: int) -> None:
        """Put a late reading into Silver, as a batch run's first commit does."""
        self.append(Table.SILVER, [{**self.reading(partition, offset), "refine_seq": seq, "batch_run": 7}])

    def fence(
        self, partition: int, window: int, count: int, seq: int | None, fence: int, batch: int | None = None
    ) -> int:
        """Make a window anew, as a batch run does: `seq` stays what the stream has counted."""
        start = NOON + timedelta(minutes=5 * window)
        self.delete(Table.SENSOR_5MIN, f"sensor_id = 'sensor-{partition}' AND window_start = '{start}'")
        row = {"sensor_id": f"sensor-{partition}", "window_start": start, "reading_count": count, "refine_seq": seq}
        self.append(Table.SENSOR_5MIN, [{**row, "fence_seq": fence, "batch_seq": batch}])
        return DeltaTable(Table.SENSOR_5MIN.under(self.lake)).version()

    def set_aside(self, partition: int, offset: int, reason: str, seq: int) -> None:
        self.append(Table.SET_ASIDE, [{**self.reading(partition, offset), "reason": reason, "refine_seq": seq}])

    def expire(self, disposition: str, *taken: tuple[int, int, int, int], delete: bool = True) -> None:
        """As retention does it; each of `taken` is (partition, first, last, count)."""
        bronze = DeltaTable(Table.BRONZE.under(self.lake))
        number = (bronze.transaction_version("penstock/plant/expire") or 0) + 1
        names = ("partition", "first_offset", "last_offset", "count")
        common = {"topic": self.topic, "disposition": disposition, "expiry": number}
        reason = "" if disposition == "accepted" else "empty"
        self.append(Table.EXPIRED, [{**common, "reason": reason, **dict(zip(names, it, strict=True))} for it in taken])
        if delete:
            once = CommitProperties(app_transactions=[Transaction("penstock/plant/expire", number)])
            bronze.delete(f"disposition = '{disposition}'", commit_properties=once)

    def gold(self, partition: int, window: int, count: int, seq: int | None) -> int:
        """Add a window; returns the table's version."""
        start = NOON + timedelta(minutes=5 * window)
        row = {"sensor_id": f"sensor-{partition}", "window_start": start, "reading_count": count, "refine_seq": seq}
        self.append(Table.SENSOR_5MIN, [row])
        return DeltaTable(Table.SENSOR_5MIN.under(self.lake)).version()

    def load(self, facts: list[tuple[int, int, int]], gold_version: int | None, held: tuple[int, ...] = ()) -> None:
        """Facts are (partition, window, count); what the batch sequences `held` made is left out."""
        with psycopg.connect(self.warehouse) as connection:
            for partition, window, count in facts:
                connection.execute(
                    "INSERT INTO fact_sensor_readings (sensor_id, window_start, reading_count) VALUES (%s, %s, %s)",
                    (f"sensor-{partition}", NOON + timedelta(minutes=5 * window), count),
                )
            connection.execute(
                "INSERT INTO load_ledger (id, committed_at, gold_version, gold_versions, seqs, windows, rise_by_hour) "
                "SELECT 100 - count(*), now(), %s, '{}', %s, %s, '{}' FROM load_ledger",
                (gold_version, Jsonb({"held": held}), len(facts)),
            )
