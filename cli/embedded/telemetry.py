"""What the demo reads from Kafka itself: the simulator's last word, and when the first record came."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from cli.embedded.errors import StackError
from spark_jobs.contracts import SimulatorReport, parse_message

TOPIC = "penstock.telemetry"
POLL_SECONDS = 0.5
LAST_MESSAGES = 2000


def final_simulator_report(bootstrap_servers: str, seconds: float) -> SimulatorReport:
    """The exact counts of the simulator that has ended; StackError when they do not come."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for report in simulator_reports(bootstrap_servers, seconds=5):
            if report.final:
                return report
    raise StackError(f"the simulator's report was not on {TOPIC} within {seconds:.0f} s")


def simulator_reports(bootstrap_servers: str, seconds: float) -> Iterator[SimulatorReport]:
    """The simulators' reports among the last messages, up to the end that the topic has now."""
    consumer = _consumer(bootstrap_servers, TOPIC, last=LAST_MESSAGES)
    until = time.monotonic() + seconds
    waiting = {item.partition for item in consumer.assignment()}
    try:
        while waiting and time.monotonic() < until:
            message = consumer.poll(POLL_SECONDS)
            if message is None:
                continue
            if not _is_record(message):
                waiting.discard(message.partition())
                continue
            try:
                found = parse_message(message.value() or b"")
            except ValueError:
                continue
            if isinstance(found, SimulatorReport):
                yield found
    finally:
        consumer.close()


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


def _consumer(bootstrap_servers: str, topic: str, last: int | None = None) -> Consumer:
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
    starts = []
    for number in partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=15)
        starts.append(TopicPartition(topic, number, low if last is None else max(low, high - last)))
    consumer.assign(starts)
    return consumer


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:
        return False
    raise StackError(f"Kafka: {error}")
