"""Reads a topic again: which records it holds, without their contents."""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline_workers.verification.errors import KafkaUnreadable

TIMEOUT_SECONDS = 30.0
BATCH = 10_000


@dataclass(frozen=True)
class Partition:
    """Offsets of the committed records of one partition, from the log's start to the last asked for."""

    partition: int
    log_start: int
    offsets: array[int]


def partition_offsets(bootstrap_servers: str, topic: str, last: dict[int, int]) -> list[Partition]:
    """The records of each partition up to and with offset `last`; of partitions that `last` does not name, none.

    Records, not differences of offsets: transaction markers and aborted records leave gaps.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "penstock-verify",  # asked for by the client; nothing is committed under it
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 8 * 1024 * 1024,
            # By itself the client rests at 100,000 records read ahead, and waits for the broker half of the time.
            "queued.min.messages": 1_000_000,
            "queued.max.messages.kbytes": 128 * 1024,
            "log_level": 2,
        }
    )
    try:
        known = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
        if known.error is not None:
            raise KafkaUnreadable(f"topic {topic} at {bootstrap_servers}: {known.error.str()}")
        return [_read(consumer, topic, partition, last[partition]) for partition in sorted(last)]
    except KafkaException as error:
        raise KafkaUnreadable(f"topic {topic} at {bootstrap_servers}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str, partition: int, last: int) -> Partition:
    where = TopicPartition(topic, partition)
    low, high = consumer.get_watermark_offsets(where, timeout=TIMEOUT_SECONDS)
    found: array[int] = array("q")
    if low <= last and low < high:
        consumer.assign([TopicPartition(topic, partition, low)])
        heard = time.monotonic()
        ended = False
        while not ended and (not found or found[-1] < last):
            messages = consumer.consume(BATCH, timeout=0.2)
            for message in messages:
                error = message.error()
                if error is None:
                    found.append(message.offset())
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended = True
                else:
                    raise KafkaException(error)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > TIMEOUT_SECONDS:
                raise KafkaUnreadable(
                    f"partition {partition} of topic {topic} gave nothing for {TIMEOUT_SECONDS:.0f} s"
                )
        consumer.unassign()
    while found and found[-1] > last:
        found.pop()
    return Partition(partition, low, found)
