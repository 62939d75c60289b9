"""What drivers and applications tell the control plane, on the telemetry topic."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivered

from spark_jobs.contracts import BatchCommitted, BatchQuery, Entry, Message, Query

ENTRIES_PER_MESSAGE = 10_000
FLUSH_SECONDS = 30.0


class Told(Protocol):
    """Of a job's arguments, what its messages need."""

    @property
    def pipeline(self) -> str: ...
    @property
    def run_tag(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def bootstrap_servers(self) -> str: ...
    @property
    def telemetry_topic(self) -> str: ...


class Publisher:
    """Publishes messages; `flush` raises if one was not delivered, so that a batch is not done before it is told."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._failure: str | None = None
        self._lock = threading.Lock()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": 4 * 1024 * 1024,
                "compression.type": "lz4",
            }
        )

    def send(self, message: Message) -> None:
        self._producer.produce(self._topic, message.to_json(), key=message.pipeline, on_delivery=self._on_delivery)
        self._producer.poll(0)

    def flush(self) -> None:
        left = self._producer.flush(FLUSH_SECONDS)
        with self._lock:
            failure, self._failure = self._failure, None
        if failure or left:
            raise ConnectionError(f"telemetry was not delivered: {failure or f'{left} messages wait'}")

    def _on_delivery(self, error: KafkaError | None, _: Delivered) -> None:
        if error is not None:
            with self._lock:
                self._failure = error.str()


class Telemetry(Publisher):
    """What a driver or a batch run tells of its batches."""

    def __init__(self, arguments: Told, generation: int = 0) -> None:
        super().__init__(arguments.bootstrap_servers, arguments.telemetry_topic)
        self._arguments, self._generation = arguments, generation

    def batch_committed(
        self,
        query: Query | BatchQuery,
        batch: int,
        entries: Iterable[Entry],
        *,
        table_version: int,
        rows_in: int,
        seconds: float,
        replayed: bool,
        event_times: Sequence[float] = (),
    ) -> None:
        """Tell of a batch, in as many messages as its hours need, and wait until they are delivered."""
        every = sorted(entries, key=lambda entry: (entry.hour, entry.measure, entry.detail))
        parts = [every[at : at + ENTRIES_PER_MESSAGE] for at in range(0, len(every), ENTRIES_PER_MESSAGE)] or [[]]
        for number, part in enumerate(parts, start=1):
            self.send(
                BatchCommitted(
                    pipeline=self._arguments.pipeline,
                    at=time.time(),
                    run_tag=self._arguments.run_tag,
                    version=self._arguments.version,
                    query=str(query),
                    generation=self._generation,
                    batch=batch,
                    table_version=table_version,
                    rows_in=rows_in,
                    seconds=round(seconds, 3),
                    replayed=replayed,
                    part=number,
                    parts=len(parts),
                    entries=tuple(part),
                    event_times=tuple(event_times) if number == len(parts) else (),
                )
            )
        self.flush()
