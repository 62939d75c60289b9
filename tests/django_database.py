"""Fixtures for tests that need the control plane's database, a real PostgreSQL of the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from kombu.exceptions import OperationalError

from controlplane.core import outbox
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.services import pipeline_ensure
from controlplane.streaming.services import job_ensure
from pipeline_workers.topics import ensure_topics


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    made = pipeline_ensure(name="plant", topic="sensor-events")
    job_ensure(pipeline=made)
    return made


@pytest.fixture
def topic(pipeline: Pipeline, kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic of the pipeline's own on the session's Kafka, and a place for its checkpoints."""
    pipeline.topic = f"readings-{uuid4().hex[:8]}"
    pipeline.save(update_fields=["topic"])
    ensure_topics(kafka, pipeline.topic, f"{pipeline.topic}-telemetry")
    monkeypatch.setitem(settings.PENSTOCK, "bootstrap_servers", kafka)
    monkeypatch.setitem(settings.PENSTOCK, "checkpoints", str(tmp_path / "checkpoints"))
    return pipeline.topic


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on port 1; half a second is long enough to find that out."""
    monkeypatch.setitem(settings.PENSTOCK, "bootstrap_servers", "127.0.0.1:1")
    monkeypatch.setattr("controlplane.streaming.broker.SECONDS", 0.5)


class QueueAway:
    """Stands where Celery's application does, and takes no task: the outbox keeps them."""

    def send_task(self, task: str, kwargs: dict[str, Any]) -> None:
        raise OperationalError("away")


@pytest.fixture
def queue_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests whose transactions commit."""
    monkeypatch.setattr(outbox, "current_app", QueueAway())
