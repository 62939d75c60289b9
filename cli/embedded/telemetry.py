"""What the demo reads from Kafka itself: the simulator's last word, and when the first record came."""

from __future__ import annotations

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from cli.embedded.errors import StackError
from spark_jobs.contracts import SimulatorReport, parse_message

TOPIC = "penstock.telemetry"
POLL_SECONDS = 0.5


def final_simulator_report(bootstrap_servers: str, seconds: float) -> SimulatorReport:
    """The exact counts of the simulator that has ended; StackError when they do not come."""
    consumer = _consumer(bootstrap_servers, TOPIC)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            message = consumer.poll(POLL_SECONDS)
            if message is None or not _is_record(message):
                continue
            try:
                found = parse_message(message.value() or b"")
            except ValueError:
                continue
            if isinstance(found, SimulatorReport) and found.final:
                return found
    finally:
        consumer.close()
    raise StackError(f"the simulator's report was not on {TOPIC} within {seconds:.0f} s")


def first_record_at(bootstrap_servers: str, topic: str) -> float:
    """Kafka's own time of the topic's first record, in seconds since the epoch."""
    consumer = _consumer(bootstrap_servers, topic)
    waiting = {item.partition for item in consumer.assignment()}
    times: list[int] = []
    until = time.monotonic() + 30
    try:
        while waiting and time.monotonic() < until:
            message = consumer.poll(POLL_SECONDS)
            if message is None or message.partition() not in waiting:
                continue
            if _is_record(message):
                times.append(int(message.timestamp()[1]))
            waiting.discard(int(message.partition() or 0))
    finally:
        consumer.close()
    if not times:
        raise StackError(f"there is no record on {topic}")
    return min(times) / 1000


def _consumer(bootstrap_servers: str, topic: str) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "penstock-demo",  # the client asks for one; partitions are assigned, so it is never used
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 2,
        }
    )
    partitions = consumer.list_topics(topic, timeout=15).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    return consumer


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:
        return False
    raise StackError(f"Kafka: {error}")
