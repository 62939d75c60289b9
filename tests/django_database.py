"""Fixtures for tests that need the control plane's database, a real PostgreSQL of the session."""

from __future__ import annotations

import pytest

from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.services import pipeline_ensure
from controlplane.streaming.services import job_ensure


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    made = pipeline_ensure(name="plant", topic="sensor-events")
    job_ensure(pipeline=made)
    return made
