"""Fixtures for tests that need the control plane's database, a real PostgreSQL of the session."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from django.conf import settings

from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.services import pipeline_ensure
from controlplane.streaming.services import job_ensure


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: str) -> None:
    url = urlsplit(postgres)
    settings.DATABASES["default"].update(
        ENGINE="django.db.backends.postgresql",
        NAME=url.path.lstrip("/") or "postgres",
        USER=unquote(url.username or ""),
        PASSWORD=unquote(url.password or ""),
        HOST=url.hostname,
        PORT=url.port,
    )


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    made = pipeline_ensure(name="plant", topic="sensor-events")
    job_ensure(pipeline=made)
    return made
