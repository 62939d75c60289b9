"""The topics of a pipeline: made with the settings that its guarantees need, and checked where they exist already."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

PARTITIONS = 3
TIMEOUT_SECONDS = 15.0

# Deleting by age or size is the only clean-up that leaves every retained offset readable; the append time is the one
# that no sender can set ahead; 4 MiB lets a reading over the contract's 1 MiB arrive and become a dead letter.
SETTINGS = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": str(4 * 1024 * 1024),
}
# Of commands the newest of each key is all that counts.
CONTROL_SETTINGS = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}


@dataclass(frozen=True)
class Wanted:
    """How a topic must be."""

    partitions: int
    settings: Mapping[str, str]


class TopicError(Exception):
    """A topic cannot be used as it is; the message names the topic, and the setting that differs."""


def ensure_topics(
    bootstrap_servers: str, topic: str, telemetry_topic: str, control_topic: str | None = None
) -> dict[str, str]:
    """Create what is missing, check what exists, and return each topic's id, by which a recreated one is noticed.

    Raises TopicError where an existing topic has other settings: changing them behind their owner's back could delete
    data or move the order of a sensor's readings, so that is left to people.
    """
    wanted = {topic: Wanted(PARTITIONS, SETTINGS), telemetry_topic: Wanted(1, SETTINGS)}
    if control_topic:
        wanted[control_topic] = Wanted(1, CONTROL_SETTINGS)
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 2})
    try:
        existing = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
    except KafkaException as error:
        raise TopicError(f"no Kafka answers at {bootstrap_servers}: {_reason(error)}") from error
    _create(admin, {name: item for name, item in wanted.items() if name not in existing})
    _check_settings(admin, wanted)
    return _describe(admin, wanted)


def _create(admin: AdminClient, missing: Mapping[str, Wanted]) -> None:
    if not missing:
        return
    new = [NewTopic(name, num_partitions=item.partitions, config=dict(item.settings)) for name, item in missing.items()]
    for name, future in admin.create_topics(new, request_timeout=TIMEOUT_SECONDS).items():
        try:
            future.result()
        except KafkaException as error:
            # Another process made it in between: its settings are checked like those of any existing one.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicError(f"topic {name} cannot be created: {_reason(error)}") from error
    _await_visible(admin, set(missing))


def _await_visible(admin: AdminClient, names: set[str]) -> None:
    """The controller has made them; each broker learns of them a moment later."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not names <= admin.list_topics(timeout=TIMEOUT_SECONDS).topics.keys():
        if time.monotonic() > deadline:
            raise TopicError(f"topics {', '.join(sorted(names))} were created but no broker shows them")
        time.sleep(0.1)


def _check_settings(admin: AdminClient, wanted: Mapping[str, Wanted]) -> None:
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in wanted]
    for resource, future in admin.describe_configs(resources, request_timeout=TIMEOUT_SECONDS).items():
        actual = _result(future, f"the settings of topic {resource.name} cannot be read")
        for setting, value in wanted[resource.name].settings.items():
            found = actual[setting].value
            if found != value:
                raise TopicError(
                    f"topic {resource.name} has {setting}={found}, it must be {value}: alter the topic or use another"
                )


def _describe(admin: AdminClient, wanted: Mapping[str, Wanted]) -> dict[str, str]:
    futures = admin.describe_topics(TopicCollection(list(wanted)), request_timeout=TIMEOUT_SECONDS)
    ids: dict[str, str] = {}
    for name, future in futures.items():
        described = _result(future, f"topic {name} cannot be described")
        found, count = len(described.partitions), wanted[name].partitions
        if found != count:
            raise TopicError(f"topic {name} has {found} partitions, it must have {count}")
        ids[name] = str(described.topic_id)
    return ids


def _result(future: Future[Any], what: str) -> Any:
    try:
        return future.result(timeout=TIMEOUT_SECONDS)
    except (KafkaException, TimeoutError) as error:
        raise TopicError(f"{what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return str(first.str()) if isinstance(first, KafkaError) else str(first) or type(error).__name__
