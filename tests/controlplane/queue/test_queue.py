"""The queue's facts, on a real Redis that Celery's own producer fills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from django.conf import settings
from django.test import Client
from django.utils import timezone
from redis import Redis

from controlplane.core.models import Outbox
from controlplane.queue import selectors
from controlplane.queue.models import WorkerHeartbeat
from controlplane.queue.selectors import queue_described
from controlplane.queue.services import worker_heard
from tests.controlplane.api.conftest import Caller, nobody, viewer

__all__ = ["nobody", "viewer"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def queue(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """A queue of this test's own, and who sends to it as the control plane does."""
    app = Celery(broker=redis_url, set_as_current=False)
    app.conf.task_default_queue = f"queue-{uuid4().hex[:8]}"
    monkeypatch.setattr(settings, "REDIS_URL", redis_url)
    monkeypatch.setattr(selectors, "current_app", app)
    yield app
    app.close()
    with Redis.from_url(redis_url) as client:
        client.delete(app.conf.task_default_queue)


def test_an_empty_queue_has_length_0_and_no_oldest(queue: Celery) -> None:
    found = queue_described()
    assert (found["answers"], found["length"], found["oldest_seconds"]) == (True, 0, None)
    assert (found["queue"], found["workers"], found["canary_seconds"]) == (queue.conf.task_default_queue, [], None)


def test_what_waits_is_counted_and_the_age_is_that_of_the_oldest(
    queue: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = timezone.now()
    for _ in range(3):
        queue.send_task("t")
    monkeypatch.setattr(timezone, "now", lambda: sent + timedelta(seconds=100))
    found = queue_described()
    assert found["length"] == 3
    assert 60 < found["oldest_seconds"] <= 100


def test_a_message_that_does_not_say_when_it_was_sent_has_no_age(queue: Celery, redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        for message in ("{}", "no JSON", '{"headers": null}', '{"headers": {"sent_at": "x"}}', "[]"):
            client.rpush(queue.conf.task_default_queue, message)
            assert queue_described()["oldest_seconds"] is None
    assert queue_described()["length"] == 5


def test_a_redis_that_is_away_is_unknown_and_not_0(viewer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    Outbox.objects.create(task="t")
    answer = viewer.get("queue")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    assert (told["answers"], told["length"], told["oldest_seconds"], told["unsent"]) == (False, None, None, 1)


def test_workers_are_those_that_took_a_canary_in_the_last_minute(
    queue: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = timezone.now()
    worker_heard(worker="celery@a")
    monkeypatch.setattr(timezone, "now", lambda: start + timedelta(seconds=50))
    worker_heard(worker="celery@b")
    assert queue_described()["workers"] == ["celery@a", "celery@b"]
    monkeypatch.setattr(timezone, "now", lambda: start + timedelta(seconds=90))
    found = queue_described()
    assert (found["workers"], found["canary_seconds"]) == (["celery@b"], 40.0)
    monkeypatch.setattr(timezone, "now", lambda: start + timedelta(days=1, seconds=60))
    worker_heard(worker="celery@c")
    assert sorted(WorkerHeartbeat.objects.values_list("worker", flat=True)) == ["celery@c"]


def test_nobody_reads_it_without_a_login(nobody: Caller, client: Client) -> None:
    assert nobody.get("queue").status_code == 401
