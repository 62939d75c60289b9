"""Brings messages to Kafka and knows of each whether it arrived."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline_workers.simulator.fleet import Batch, Kind

# Enough to keep the broker busy, little enough that a stop has to wait for little.
QUEUE = 100_000
CONNECT_SECONDS = 8.0
# produce_batch does not wait for room by bytes; messages over this go one by one.
LARGE = 64 * 1024


class DeliveryError(Exception):
    """Kafka cannot be used, or has not taken all readings; the message says why in one line."""


def settings(bootstrap_servers: str, delivery_timeout: float) -> dict[str, Any]:
    """The settings of librdkafka: nothing lost, nothing twice, order kept, and the partition that Java would choose."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 10,
        "message.max.bytes": 4 * 1024 * 1024,
        "queue.buffering.max.messages": QUEUE,
        "delivery.timeout.ms": int(delivery_timeout * 1000),
        "log_level": 2,
    }


class Delivery:
    """Sends batches to one topic.

    Each message is either still queued, or delivered, or reported failed: librdkafka calls back for each failure, and
    what it neither holds nor reported has been acknowledged by all in-sync replicas.
    """

    def __init__(self, bootstrap_servers: str, topic: str, *, delivery_timeout: float) -> None:
        self.topic = topic
        self.made: Counter[Kind] = Counter()
        self.failed: Counter[Kind] = Counter()
        self._bootstrap_servers = bootstrap_servers
        self._reason = ""
        self._failures = {kind: partial(self._on_failure, kind) for kind in Kind}
        config = settings(bootstrap_servers, delivery_timeout)
        # Successes are counted by what has left the queue: a call into Python for each would halve the speed.
        config |= {"delivery.report.only.error": True, "error_cb": self._on_error}
        self._producer = Producer(config)

    def connect(self, *topics: str) -> None:
        """Raises DeliveryError within 10 seconds where no broker answers or one of `topics` does not exist."""
        try:
            known = self._producer.list_topics(timeout=CONNECT_SECONDS).topics
        except KafkaException as error:
            why = self._reason or error.args[0].str()
            raise DeliveryError(f"no Kafka answers at {self._bootstrap_servers}: {why}") from error
        for topic in topics:
            if topic not in known:
                raise DeliveryError(f"Kafka at {self._bootstrap_servers} has no topic {topic}")

    @property
    def queued(self) -> int:
        return len(self._producer)

    def has_room(self, messages: int) -> bool:
        return self.queued + messages <= QUEUE

    def send(self, batch: Batch) -> None:
        """Queue a batch for which there is room. Its order is the order in which Kafka gets it."""
        kinds, failures = batch.kinds, self._failures
        messages: list[dict[str, Any]] = [
            {"key": key, "value": payload} for key, payload in zip(batch.keys, batch.payloads, strict=True)
        ]
        for position, kind in kinds.items():
            messages[position]["callback"] = failures[kind]
        if any(len(batch.payloads[position] or b"") > LARGE for position in kinds):
            self._send_singly(messages)
        else:
            queued = self._producer.produce_batch(self.topic, messages, on_delivery=failures[Kind.NORMAL])
            if queued != len(messages):
                errors = {str(message["_error"]) for message in messages if "_error" in message}
                raise DeliveryError(f"{len(messages) - queued} readings could not be queued: {', '.join(errors)}")
        self.made.update(kinds.values())
        self.made[Kind.NORMAL] += len(messages) - len(kinds)
        self._producer.poll(0)

    def _send_singly(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            while True:
                try:
                    on_delivery = message.get("callback", self._failures[Kind.NORMAL])
                    self._producer.produce(self.topic, message["value"], message["key"], on_delivery=on_delivery)
                    break
                except BufferError:
                    self._producer.poll(0.1)

    def poll(self, seconds: float) -> None:
        """Take delivery reports for up to `seconds`. Raises DeliveryError when a reading was not delivered."""
        self._producer.poll(seconds)
        self.check()

    def check(self) -> None:
        if failed := self.failed.total():
            raise DeliveryError(f"{failed} of {self.made.total()} readings were not delivered: {self._reason}")

    def flush(self, seconds: float) -> int:
        """Wait up to `seconds` for what is queued; returns what still is."""
        deadline = time.monotonic() + seconds
        while left := self._producer.flush(max(0.0, min(1.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                break
        return int(left)

    def give_up(self) -> None:
        """Count what is still queued as failed."""
        self._reason = self._reason or "no answer from Kafka in time"
        self._producer.purge()
        self._producer.flush(5)

    def _on_failure(self, kind: Kind, error: KafkaError, message: Message) -> None:
        self.failed[kind] += 1
        if error.code() not in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            self._reason = error.str()

    def _on_error(self, error: KafkaError) -> None:
        self._reason = error.str()
