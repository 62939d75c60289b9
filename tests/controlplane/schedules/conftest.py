"""A clock that stands until it is set, and a daily schedule."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from controlplane.pipelines.models import Pipeline
from controlplane.schedules.models import Schedule
from controlplane.schedules.services import schedule_create


class Clock:
    """What `timezone.now` says, for the control plane and for a test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

    def at(self, text: str) -> datetime:
        """Set it to a time of UTC such as `03-11 00:30:02`."""
        self.now = moment(text)
        return self.now


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timezone, "now", lambda: made.now)
    return made


@pytest.fixture
def nightly(clock: Clock, pipeline: Pipeline) -> Schedule:
    """Due at 00:30 UTC, made on March 10 at noon."""
    values = {"kind": "daily", "cron": "30 0 * * *"}
    return schedule_create(pipeline="plant", name="nightly", values=values, actor=None)
