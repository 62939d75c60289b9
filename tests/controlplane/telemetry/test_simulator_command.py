"""What simulators shall do is written down, audited, and told until it is."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from controlplane.accounts.models import AuditEntry, User
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.models import SimulatorControl
from controlplane.telemetry.services import simulator_desire, simulators_untold
from controlplane.telemetry.states import SimulatorDesired
from pipeline_workers import commands
from pipeline_workers.topics import ensure_topics
from spark_jobs.contracts import COMMANDS, Message, parse_message

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def control(kafka: str, settings: Any) -> str:
    """A control topic of this test's own."""
    name = uuid.uuid4().hex[:8]
    ensure_topics(kafka, f"readings-{name}", f"telemetry-{name}", f"control-{name}")
    settings.PENSTOCK = {**settings.PENSTOCK, "bootstrap_servers": kafka, "control_topic": f"control-{name}"}
    return f"control-{name}"


def told(servers: str, topic: str, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        records = consumer.consume(count, timeout=10)
        assert {record.key() for record in records} == {b"plant"}
        return [parse_message(record.value() or b"", among=COMMANDS) for record in records]
    finally:
        consumer.close()


def test_a_wish_is_written_with_its_audit_row_and_its_task(pipeline: Pipeline, viewer: User) -> None:
    simulator_desire(pipeline=pipeline, desired=SimulatorDesired.PAUSED, actor=viewer, reason="maintenance")
    audit = AuditEntry.objects.get(action="simulator.stop")
    assert (audit.actor, audit.reason, audit.object) == (viewer, "maintenance", "pipeline/plant/simulator")
    assert (audit.before, audit.after) == ({"desired": "running"}, {"desired": "paused"})
    row = Outbox.objects.get(task="penstock.command_simulator")
    assert row.arguments == {"pipeline_id": pipeline.pk}
    assert simulators_untold() == [pipeline.pk]


def test_a_command_is_told_once_and_again_when_it_changes(pipeline: Pipeline, kafka: str, control: str) -> None:
    simulator_desire(pipeline=pipeline, desired=SimulatorDesired.PAUSED, actor=None)
    commands.command_simulator(pipeline.pk)
    commands.command_simulator(pipeline.pk)
    simulator_desire(pipeline=pipeline, desired=SimulatorDesired.RUNNING, actor=None)
    commands.command_untold()
    assert [message.desired for message in told(kafka, control, 2)] == ["paused", "running"]  # type: ignore[attr-defined]
    assert simulators_untold() == []


def test_a_command_that_kafka_did_not_take_is_told_later(
    pipeline: Pipeline, kafka: str, control: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator_desire(pipeline=pipeline, desired=SimulatorDesired.PAUSED, actor=None)
    monkeypatch.setattr(commands, "DELIVERY_SECONDS", 1.0)
    settings.PENSTOCK = {**settings.PENSTOCK, "bootstrap_servers": "127.0.0.1:1"}
    commands.command_untold()
    assert SimulatorControl.objects.get().told_at is None
    settings.PENSTOCK = {**settings.PENSTOCK, "bootstrap_servers": kafka}
    monkeypatch.undo()
    commands.command_untold()
    assert [message.desired for message in told(kafka, control, 1)] == ["paused"]  # type: ignore[attr-defined]
