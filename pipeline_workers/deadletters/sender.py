"""Sends letters to a topic in transactions, and finds what an earlier sender has sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from controlplane.deadletters.services.index import ORIGIN_HEADER, REDRIVE_HEADER

SECONDS = 20.0
READ, WAIT = 10_000, 0.2  # as many messages as there are within so many seconds
Sent = dict[str, tuple[int, int]]  # the new partition and offset, by the place of before


class Outgoing(NamedTuple):
    """A record that is to be sent; `origin` is the place of the letter, topic/partition/offset."""

    origin: str
    key: bytes | None
    value: bytes | None


class Sender:
    """Of two senders with one redrive the later one shuts the earlier one out: what that had under way never happened.

    Raises KafkaException.
    """

    def __init__(self, bootstrap_servers: str, topic: str, redrive_id: int, pipeline: str) -> None:
        self._servers, self._topic, self._redrive = bootstrap_servers, topic, str(redrive_id).encode()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "transactional.id": f"penstock-redrive-{pipeline}-{redrive_id}",
                "transaction.timeout.ms": 60_000,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 5,
                "message.max.bytes": 4 * 1024 * 1024,
                "log_level": 2,
            }
        )
        self._producer.init_transactions(SECONDS)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "penstock-redrive",  # asked for by the client; nothing is committed under it
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "log_level": 2,
            }
        )

    def close(self) -> None:
        self._consumer.close()

    def ends(self) -> dict[int, int]:
        """Where each partition of the topic ends."""
        known = self._consumer.list_topics(self._topic, timeout=SECONDS).topics[self._topic]
        if known.error is not None:
            raise KafkaException(known.error)
        return {
            number: self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=SECONDS)[1]
            for number in sorted(known.partitions)
        }

    def send(self, records: Iterable[Outgoing]) -> Sent:
        """All of them are in the topic when this returns, or none of them ever is."""
        sent: Sent = {}
        failures: list[KafkaError] = []

        def delivered(origin: str, error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failures.append(error)
            else:
                sent[origin] = (message.partition(), message.offset())

        self._producer.begin_transaction()
        try:
            for record in records:
                self._produce(record, lambda error, message, origin=record.origin: delivered(origin, error, message))
            if self._producer.flush(SECONDS):
                failures.append(KafkaError(KafkaError._TIMED_OUT))
            if failures:
                raise KafkaException(failures[0])
            self._producer.commit_transaction(SECONDS)
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                self._producer.abort_transaction(SECONDS)
            raise
        return sent

    def found(self, marks: dict[int, int]) -> Sent:
        """What of this redrive the topic holds at and behind the marks."""
        sent: Sent = {}
        for partition, mark in marks.items():
            self._consumer.assign([TopicPartition(self._topic, partition, mark)])
            ended = False
            while not ended:
                for message in self._consumer.consume(READ, timeout=WAIT):
                    error = message.error()
                    if error is None:
                        headers = dict(message.headers() or [])
                        if headers.get(REDRIVE_HEADER) == self._redrive:
                            sent[headers[ORIGIN_HEADER].decode()] = (partition, message.offset())
                    elif error.code() == KafkaError._PARTITION_EOF:
                        ended = True
                    else:
                        raise KafkaException(error)
            self._consumer.unassign()
        return sent

    def _produce(self, record: Outgoing, told: object) -> None:
        headers = [(REDRIVE_HEADER, self._redrive), (ORIGIN_HEADER, record.origin.encode())]
        while True:
            try:
                self._producer.produce(
                    self._topic, value=record.value, key=record.key, headers=headers, on_delivery=told
                )
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)
