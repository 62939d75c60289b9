"""Listens on the control topic for what the pipeline's simulators shall do."""

from __future__ import annotations

import logging
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from pipeline_workers.simulator.delivery import DeliveryError
from spark_jobs.contracts import COMMANDS, SimulatorActivity, SimulatorCommand, parse_message

CATCH_UP_SECONDS = 15.0
log = logging.getLogger(__name__)


class Control:
    """The newest command holds, that of an earlier run too: without one, the simulator runs."""

    def __init__(self, bootstrap_servers: str, topic: str, pipeline: str) -> None:
        """Reads what the topic has. Raises DeliveryError when its end is not reached in time."""
        self._topic = topic
        self._pipeline = pipeline
        self._desired: str = SimulatorActivity.RUNNING
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "penstock-simulator",  # the client asks for one; the partition is assigned
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        self._catch_up()

    def paused(self) -> bool:
        """Take what has come, without waiting, and say how things stand."""
        while (message := self._consumer.poll(0)) is not None:
            self._take(message)
        return self._desired == SimulatorActivity.PAUSED

    def _catch_up(self) -> None:
        until = time.monotonic() + CATCH_UP_SECONDS
        while time.monotonic() < until:
            message = self._consumer.poll(0.5)
            if message is None:
                continue
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return
            self._take(message)
        raise DeliveryError(f"topic {self._topic} was not read to its end within {CATCH_UP_SECONDS:.0f} s")

    def _take(self, message: Message) -> None:
        if message.error() is not None:
            return  # the end, or a broker that is away: what was said last holds
        try:
            command = parse_message(message.value() or b"", among=COMMANDS)
        except ValueError as error:
            log.warning("not a command at offset %s of %s: %s", message.offset(), self._topic, error)
            return
        if isinstance(command, SimulatorCommand) and command.pipeline == self._pipeline:
            self._desired = command.desired
