"""States are numbered, kept, and sent when they are committed; a Redis that is away leaves a gap and nothing worse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from cli.embedded import ports
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.broadcasting import Broadcaster
from controlplane.telemetry.models import LiveState
from controlplane.telemetry.protocol import event_of, group_of, snapshot_of
from controlplane.telemetry.services import live_publish
from tests.pipeline_workers.test_postgres_loader import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
TOPIC = "pipeline.plant"


@pytest.fixture
def broadcaster(layers: None) -> Iterator[Broadcaster]:
    made = Broadcaster()
    yield made
    made.close()


def test_each_publication_has_the_next_number_and_is_kept_as_it_was_sent(pipeline: Pipeline) -> None:
    sent: list[LiveState] = []
    for _ in range(3):
        live_publish(pipeline=pipeline, broadcast=sent.append)
    assert [state.seq for state in sent] == [1, 2, 3]
    kept = LiveState.objects.get(topic=TOPIC)
    assert snapshot_of(kept) == snapshot_of(sent[-1])
    assert kept.data["pipeline"] == "plant"


def test_what_is_not_committed_is_not_sent(pipeline: Pipeline) -> None:
    sent: list[LiveState] = []
    with transaction.atomic():
        live_publish(pipeline=pipeline, broadcast=sent.append)
        transaction.set_rollback(True)
    assert sent == []
    assert not LiveState.objects.exists()


def test_attention_keeps_its_since_from_one_publication_to_the_next(pipeline: Pipeline) -> None:
    first = live_publish(pipeline=pipeline, broadcast=lambda _: None)
    second = live_publish(pipeline=pipeline, broadcast=lambda _: None)
    assert second.data["attention"] == first.data["attention"] != []
    assert second.at > first.at


def test_a_broadcast_reaches_the_group_in_order(pipeline: Pipeline, broadcaster: Broadcaster) -> None:
    async def scenario() -> list[str]:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(group_of(TOPIC), channel)
        heard = []
        for seq in range(1, 4):
            state = LiveState(topic=TOPIC, seq=seq, at=pipeline.created_at, data={})
            broadcaster(state)
            event = await asyncio.wait_for(layer.receive(channel), 5)
            assert event == event_of(state)
            heard.append(event["text"])
        return heard

    assert len(async_to_sync(scenario)()) == 3


def test_a_redis_that_is_away_holds_up_nobody(
    pipeline: Pipeline, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (port,) = ports.free(1)
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [f"redis://127.0.0.1:{port}"]},
        }
    }
    away = Broadcaster()
    try:
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                live_publish(pipeline=pipeline, broadcast=away)
            wait_for(lambda: "of pipeline.plant was not broadcast" in caplog.text)
        assert LiveState.objects.get(topic=TOPIC).seq == 3
    finally:
        away.close()
