"""Takes telemetry in. Kafka, PostgreSQL and Redis may each be away meanwhile.

Where the topic has been read to is kept in PostgreSQL, in the transaction of what was read: a collector killed at any
moment neither loses nor repeats a message. Kafka's own group offsets only show how it stands.
"""

from __future__ import annotations

import logging
import threading

import django.db
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from controlplane.telemetry.models import ConsumedOffset
from controlplane.telemetry.services import messages_take
from pipeline_workers.collector import group
from pipeline_workers.collector.ends import EndsSampler
from pipeline_workers.collector.publishing import Publisher
from spark_jobs.contracts import Message, parse_message

MESSAGES_PER_TRANSACTION = 100
WAIT_SECONDS = 0.1
LONGEST_PAUSE = 10.0

logger = logging.getLogger("penstock.collector")


class Collector:
    """Consumes until `stop`."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": group(topic),
                # The next one takes a killed one's place at once, not when its session has run out.
                "group.instance.id": "collector",
                "session.timeout.ms": 10_000,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        self._ends = EndsSampler(bootstrap_servers)
        self._publisher = Publisher()

    def stop(self, *_: object) -> None:
        self._stop.set()

    def run(self) -> None:
        self._consumer.subscribe([self._topic], on_assign=self._resume)
        pause = 0.5
        try:
            while not self._stop.is_set():
                try:
                    self._turn()
                    pause = 0.5
                except (django.db.Error, KafkaException) as error:
                    # What of this turn is not in PostgreSQL is read again once that answers.
                    logger.warning("waiting %.1f s: %s", pause, str(error).splitlines()[0])
                    django.db.close_old_connections()
                    self._stop.wait(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                    self._rewind()
        finally:
            self._publisher.close()
            self._consumer.close()

    def _turn(self) -> None:
        touched = self._take() | self._ends.take()
        self._publisher.publish(touched)

    def _take(self) -> set[str]:
        """Take what has come; gives the pipelines that it is of."""
        records = [item for item in self._consumer.consume(MESSAGES_PER_TRANSACTION, WAIT_SECONDS) if _is_record(item)]
        if not records:
            return set()
        messages = [message for item in records if (message := _parsed(item)) is not None]
        offsets = {item.partition(): item.offset() + 1 for item in records}
        messages_take(topic=self._topic, messages=messages, offsets=offsets)
        positions = [TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()]
        self._consumer.commit(offsets=positions, asynchronous=True)
        return {message.pipeline for message in messages}

    def _resume(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Go on where PostgreSQL says, whatever Kafka thinks."""
        known = dict(ConsumedOffset.objects.filter(topic=self._topic).values_list("partition", "next_offset"))
        for item in partitions:
            item.offset = known.get(item.partition, 0)
        consumer.assign(partitions)

    def _rewind(self) -> None:
        """After a failed turn, from the start of what was not taken."""
        try:
            self._resume(self._consumer, self._consumer.assignment())
        except (django.db.Error, KafkaException) as error:
            logger.warning("not yet: %s", str(error).splitlines()[0])


def _is_record(item: Record) -> bool:
    error = item.error()
    if error is None:
        return True
    if error.code() != KafkaError._PARTITION_EOF:
        logger.warning("Kafka: %s", error.str())
    return False


def _parsed(item: Record) -> Message | None:
    try:
        return parse_message(item.value() or b"")
    except ValueError as error:
        logger.error("not a telemetry message at offset %s: %s", item.offset(), error)
        return None
