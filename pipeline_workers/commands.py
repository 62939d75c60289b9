"""Commands to simulators, on the control topic."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaException, Producer
from django.conf import settings

from controlplane.telemetry.services import simulator_tell, simulators_untold
from spark_jobs.contracts import SimulatorCommand

DELIVERY_SECONDS = 10.0
logger = logging.getLogger(__name__)


class NotDelivered(Exception):
    """Kafka did not take a command."""


def command_simulator(pipeline_id: int) -> None:
    """Tell a pipeline's simulators what they shall do, if they were not; the next round does what Kafka put off."""
    try:
        simulator_tell(pipeline_id=pipeline_id, tell=_publish)
    except (NotDelivered, KafkaException) as error:
        logger.warning("the simulators of pipeline %s are not told yet: %s", pipeline_id, error)


def command_untold() -> None:
    for pipeline_id in simulators_untold():
        command_simulator(pipeline_id)


def _publish(command: SimulatorCommand) -> None:
    place = settings.PENSTOCK
    producer = Producer(
        {
            "bootstrap.servers": place["bootstrap_servers"],
            "enable.idempotence": True,
            "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000),
            "log_level": 2,
        }
    )
    failures: list[str] = []
    producer.produce(
        place["control_topic"],
        command.to_json(),
        key=command.pipeline,
        on_delivery=lambda error, _: failures.append(error.str()) if error else None,
    )
    if producer.flush(DELIVERY_SECONDS + 1) or failures:
        raise NotDelivered(", ".join(failures) or "no answer in time")
