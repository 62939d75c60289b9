"""Rows of the lake, and records of Kafka, looked up one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline_workers.verification.errors import KafkaUnreadable
from pipeline_workers.verification.lake import Lake
from spark_jobs.contracts import Table

KAFKA_SECONDS = 5.0
MOMENT = pa.timestamp("us", "UTC")
BRONZE = [
    "ingest_seq", "topic", "partition", "offset", "kafka_timestamp", "reason", "sensor_id", "sensor_type", "timestamp",
    "value", "unit", "location", "disposition", "headers",
]  # fmt: skip
SILVER = [
    "refine_seq", "topic", "partition", "offset", "sensor_id", "timestamp", "anomaly_score", "anomaly_reasons",
    "job_version", "batch_run", "event_date",
]  # fmt: skip
ASIDE = ["refine_seq", "topic", "partition", "offset", "sensor_id", "timestamp", "reason"]
GOLD = ["window_start", "window_end", "reading_count", "gold_seq", "batch_seq", "refine_seq", "fence_seq"]


class Place(NamedTuple):
    """Of a record in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic} partition {self.partition} offset {self.offset}"


def place_of(row: dict[str, Any]) -> Place:
    return Place(row["topic"], row["partition"], row["offset"])


class Layers:
    """Looks up rows of tables that are opened once, as they are then."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._opened: dict[tuple[Table, int | None], ds.Dataset | None] = {}

    def bronze(self, wanted: ds.Expression) -> list[dict[str, Any]]:
        return self._rows(Table.BRONZE, BRONZE, wanted)

    def silver(self, wanted: ds.Expression, day: date | None = None) -> list[dict[str, Any]]:
        return self._rows(Table.SILVER, SILVER, wanted if day is None else wanted & (ds.field("event_date") == day))

    def aside(self, wanted: ds.Expression) -> list[dict[str, Any]]:
        return self._rows(Table.SET_ASIDE, ASIDE, wanted)

    def window(self, sensor: str, at: datetime, version: int | None = None) -> dict[str, Any] | None:
        """The five minutes of Gold that a time falls into, at a version of the table. Raises DeltaError."""
        start = datetime.fromtimestamp(at.timestamp() // 300 * 300, UTC)
        wanted = (ds.field("sensor_id") == sensor) & (ds.field("window_start") == pa.scalar(start, MOMENT))
        found = self._rows(Table.SENSOR_5MIN, GOLD, wanted & (ds.field("event_date") == start.date()), version)
        return found[0] if found else None

    def expired(self, place: Place) -> dict[str, Any] | None:
        """The range of Bronze that retention took and that a place lies in."""
        partition = (ds.field("topic") == place.topic) & (ds.field("partition") == place.partition)
        around = (ds.field("first_offset") <= place.offset) & (ds.field("last_offset") >= place.offset)
        found = self._rows(Table.EXPIRED, ["disposition", "ingest_date", "reason"], partition & around)
        return found[0] if found else None

    def judged_beyond(self, place: Place) -> bool:
        """Whether refine has judged a later record of the partition."""
        return any(self._any(table, beyond(place)) for table in (Table.SILVER, Table.SET_ASIDE))

    def ingested_beyond(self, place: Place) -> bool:
        return self._any(Table.BRONZE, beyond(place))

    def newest_before(self, row: dict[str, Any]) -> datetime | None:
        """The greatest time of the sensor at a lower offset, among what Bronze holds."""
        bronze = self._open(Table.BRONZE)
        assert bronze is not None
        same = (ds.field("sensor_id") == row["sensor_id"]) & (ds.field("disposition") == "accepted")
        earlier = same & (ds.field("partition") == row["partition"]) & (ds.field("offset") < row["offset"])
        times = bronze.to_table(columns=["timestamp"], filter=earlier)["timestamp"]
        newest: datetime | None = pc.max(times).as_py()
        return newest

    def _open(self, table: Table, version: int | None = None) -> ds.Dataset | None:
        key = (table, version)
        if key not in self._opened:
            opened = self._lake.open(table, version)
            self._opened[key] = None if opened is None else self._lake.dataset(opened)
        return self._opened[key]

    def _rows(
        self, table: Table, columns: list[str], wanted: ds.Expression, version: int | None = None
    ) -> list[dict[str, Any]]:
        found = self._open(table, version)
        rows: list[dict[str, Any]] = [] if found is None else found.to_table(columns=columns, filter=wanted).to_pylist()
        return rows

    def _any(self, table: Table, wanted: ds.Expression) -> bool:
        found = self._open(table)
        return found is not None and bool(found.head(1, columns=["offset"], filter=wanted))


def at(place: Place) -> ds.Expression:
    partition = (ds.field("topic") == place.topic) & (ds.field("partition") == place.partition)
    return partition & (ds.field("offset") == place.offset)


def beyond(place: Place) -> ds.Expression:
    partition = (ds.field("topic") == place.topic) & (ds.field("partition") == place.partition)
    return partition & (ds.field("offset") > place.offset)


def measured(sensor: str, when: datetime) -> ds.Expression:
    return (ds.field("sensor_id") == sensor) & (ds.field("timestamp") == pa.scalar(when, MOMENT))


class NoSuchPlace(KafkaUnreadable):
    """A topic or partition that is not there."""


@dataclass(frozen=True)
class Record:
    """What Kafka has at a place: `arrived` None where it has nothing, between the `low` and the `high` of the log."""

    arrived: datetime | None
    size: int
    low: int
    high: int


def record_at(servers: str, place: Place) -> Record:
    """Raises KafkaUnreadable, and its kind NoSuchPlace where Kafka answers that there is no such partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "penstock-trace",  # asked for by the client; nothing is committed under it
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 8 * 1024 * 1024,
            "log_level": 2,
        }
    )
    try:
        where = TopicPartition(place.topic, place.partition, place.offset)
        low, high = consumer.get_watermark_offsets(where, timeout=KAFKA_SECONDS)
        if not low <= place.offset < high:
            return Record(None, 0, low, high)
        consumer.assign([where])
        message = consumer.poll(KAFKA_SECONDS)
        if message is None:
            raise KafkaUnreadable(f"{place} gave nothing for {KAFKA_SECONDS:.0f} s")
        if message.error() is not None and message.error().code() != KafkaError._PARTITION_EOF:
            raise KafkaException(message.error())
        if message.error() is not None or message.offset() != place.offset:
            return Record(None, 0, low, high)  # a marker of a transaction, or a record of one that was aborted
        arrived = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        return Record(arrived, len(message.value() or b""), low, high)
    except KafkaException as error:
        if error.args[0].code() in (KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART):
            raise NoSuchPlace(f"Kafka has no partition {place.partition} of {place.topic}") from error
        raise KafkaUnreadable(f"{place} at {servers}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def header(row: dict[str, Any], name: str) -> str | None:
    """A header of a row of Bronze, as text."""
    headers: Iterable[dict[str, Any]] = row["headers"] or ()
    return next((item["value"].decode(errors="replace") for item in headers if item["key"] == name), None)
