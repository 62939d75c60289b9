"""Readiness that is asked of the services themselves: a task answered, a group assigned, a report sent."""

from __future__ import annotations

from celery import Celery
from celery.exceptions import CeleryError
from celery.result import AsyncResult
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient
from kombu.exceptions import OperationalError

from cli.embedded import telemetry
from cli.embedded.processes import Identity
from cli.embedded.running import Running

CANARY = "penstock.canary"


class Canary:
    """True once a task sent through the queue has been answered: a worker that answers a ping may not consume."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._asked: Identity | None = None
        self._sent: AsyncResult | None = None

    def __call__(self, running: Running) -> bool:
        if self._asked != running.identity:
            self._asked, self._sent = running.identity, None
        try:
            if self._sent is None:
                app = Celery(broker=self._url, backend=self._url, set_as_current=False)
                self._sent = app.send_task(CANARY, expires=60)
            return bool(self._sent.ready())
        except (CeleryError, OperationalError, OSError):
            return False


class Reported:
    """True once this start of the simulator has reported what it sent."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers

    def __call__(self, running: Running) -> bool:
        name = f"-{running.pid}"
        return any(report.simulator.endswith(name) for report in telemetry.simulator_reports(self._servers, seconds=1))


def group_assigned(bootstrap_servers: str, group: str) -> bool:
    """Whether a consumer group is stable and has members with partitions."""
    try:
        admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        described = admin.describe_consumer_groups([group], request_timeout=5)[group].result(timeout=10)
    except KafkaException:
        return False
    return described.state == ConsumerGroupState.STABLE and any(
        member.assignment and member.assignment.topic_partitions for member in described.members
    )
