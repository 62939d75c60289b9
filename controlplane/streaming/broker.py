"""The topic of a pipeline as the broker has it now. Asked before something is started, never while a row is locked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from django.conf import settings

from controlplane.core.errors import DomainError

SECONDS = 5.0


class TopicUnreadable(DomainError):
    """Kafka does not answer, or has no such topic."""


@dataclass(frozen=True)
class Topic:
    """`begins` has the oldest offset that each partition still keeps; a topic made anew has another `id`."""

    id: str
    begins: Mapping[int, int]


def topic_read(name: str) -> Topic:
    """Raises TopicUnreadable."""
    servers = settings.PENSTOCK["bootstrap_servers"]
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 2})
    asked = f"topic {name} cannot be read at {servers}"
    described = _answer(admin.describe_topics(TopicCollection([name]), request_timeout=SECONDS), asked)[name]
    oldest = {TopicPartition(name, item.id): OffsetSpec.earliest() for item in described.partitions}
    begins = _answer(admin.list_offsets(oldest, request_timeout=SECONDS), asked)
    return Topic(str(described.topic_id), {place.partition: found.offset for place, found in begins.items()})


def _answer(futures: Mapping[Any, Future[Any]], asked: str) -> dict[Any, Any]:
    try:
        return {key: future.result(timeout=2 * SECONDS) for key, future in futures.items()}
    except KafkaException as error:
        raise TopicUnreadable(f"{asked}: {error.args[0].str()}") from error
    except TimeoutError as error:
        raise TopicUnreadable(f"{asked}: no answer in time") from error
