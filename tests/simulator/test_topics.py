"""Topics are made as the guarantees need them; one that exists with other settings is refused by name."""

from __future__ import annotations

import uuid

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from pipeline_workers.topics import SETTINGS, TopicError, ensure_topics


def name() -> str:
    return f"topic-{uuid.uuid4().hex[:8]}"


@pytest.mark.integration
def test_topics_are_made_once_and_keep_their_ids(kafka: str) -> None:
    topic, telemetry = name(), name()
    made = ensure_topics(kafka, topic, telemetry)
    assert made.keys() == {topic, telemetry}
    assert len(set(made.values())) == 2
    assert ensure_topics(kafka, topic, telemetry) == made
    known = AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=10).topics
    assert (len(known[topic].partitions), len(known[telemetry].partitions)) == (3, 1)


@pytest.mark.integration
def test_the_control_topic_keeps_the_newest_of_each_key(kafka: str) -> None:
    topic, telemetry, control = name(), name(), name()
    assert control in ensure_topics(kafka, topic, telemetry, control)
    resource = ConfigResource(ConfigResource.Type.TOPIC, control)
    admin = AdminClient({"bootstrap.servers": kafka})
    settings = admin.describe_configs([resource])[resource].result()
    assert settings["cleanup.policy"].value == "compact"
    with pytest.raises(TopicError, match=r"cleanup.policy=compact, it must be delete"):
        ensure_topics(kafka, control, telemetry)


@pytest.mark.integration
def test_a_recreated_topic_has_another_id(kafka: str) -> None:
    topic, telemetry = name(), name()
    before = ensure_topics(kafka, topic, telemetry)
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.delete_topics([topic])[topic].result()
    after = ensure_topics(kafka, topic, telemetry)
    assert after[topic] != before[topic]
    assert after[telemetry] == before[telemetry]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("partitions", "change", "problem"),
    [
        (3, {"cleanup.policy": "compact"}, "cleanup.policy=compact, it must be delete"),
        (3, {"message.timestamp.type": "CreateTime"}, "message.timestamp.type=CreateTime, it must be LogAppendTime"),
        (3, {"max.message.bytes": "1000"}, "max.message.bytes=1000, it must be 4194304"),
        (2, {}, "has 2 partitions, it must have 3"),
    ],
)
def test_a_topic_with_other_settings_is_refused_by_the_settings_name(
    kafka: str, partitions: int, change: dict[str, str], problem: str
) -> None:
    topic = name()
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(topic, partitions, config={**SETTINGS, **change})])[topic].result()
    with pytest.raises(TopicError, match=f"topic {topic} has .*{problem.removeprefix('has ')}"):
        ensure_topics(kafka, topic, name())


def test_no_kafka_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline_workers.topics.TIMEOUT_SECONDS", 1.0)
    with pytest.raises(TopicError, match=r"no Kafka answers at 127\.0\.0\.1:1"):
        ensure_topics("127.0.0.1:1", "a", "b")
