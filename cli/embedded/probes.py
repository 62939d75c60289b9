"""Readiness that is asked of the services themselves: a task answered, a group assigned, a line written."""

from __future__ import annotations

from pathlib import Path

from celery import Celery
from celery.exceptions import CeleryError
from celery.result import AsyncResult
from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient
from kombu.exceptions import OperationalError

CANARY = "penstock.canary"


class Canary:
    """True once a task sent through the queue has been answered: a worker that answers a ping may not consume."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._sent: AsyncResult | None = None

    def __call__(self) -> bool:
        try:
            if self._sent is None:
                app = Celery(broker=self._url, backend=self._url, set_as_current=False)
                self._sent = app.send_task(CANARY, expires=60)
            return bool(self._sent.ready())
        except (CeleryError, OperationalError, OSError):
            return False


class Logged:
    """True once a line with the text stands in the log after the place where it ended when this was made."""

    def __init__(self, log: Path, text: str) -> None:
        self._log, self._text = log, text
        self._from = log.stat().st_size if log.exists() else 0

    def __call__(self) -> bool:
        try:
            with self._log.open("rb") as handle:
                handle.seek(self._from)
                written = handle.read().decode(errors="replace")
        except OSError:
            return False
        return any(self._text in line for line in written.splitlines())


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
