"""The rows of Celery beat, of installations older than their settings."""

from __future__ import annotations

from typing import Any

import pytest
from celery.schedules import schedule
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import ModelEntry

from controlplane.config.celery import app
from controlplane.core.beat import beat_prune

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def beat_starts(entries: dict[str, Any]) -> None:
    """What beat does at its start with the settings' entries."""
    for name, entry in entries.items():
        ModelEntry.from_entry(name, app=app, **entry)


def test_an_entry_that_the_settings_have_no_longer_is_forgotten_and_no_other_row(settings: Any) -> None:
    old = {"prune everything": {"task": "penstock.prune_everything", "schedule": schedule(60.0)}}
    beat_starts(old | settings.CELERY_BEAT_SCHEDULE)
    every = PeriodicTask.objects.get(name="reconcile").interval
    PeriodicTask.objects.create(name="plant/daily", task="penstock.due", kwargs='{"schedule_id": 1}', interval=every)
    PeriodicTask.objects.create(name="theirs", task="another.task", interval=every)
    noticed = PeriodicTasks.last_change()

    assert beat_prune() == ["prune everything"]
    kept = {*settings.CELERY_BEAT_SCHEDULE, "plant/daily", "theirs"}
    assert set(PeriodicTask.objects.values_list("name", flat=True)) == kept
    assert PeriodicTasks.last_change() > noticed, "a beat that runs must hear of it"
    assert beat_prune() == []


def test_an_entry_under_another_name_leaves_nothing_of_the_old_one(settings: Any) -> None:
    beat_starts({"prune": settings.CELERY_BEAT_SCHEDULE["prune rollups"]})
    assert beat_prune() == ["prune"]
    beat_starts(settings.CELERY_BEAT_SCHEDULE)
    assert PeriodicTask.objects.filter(task="penstock.prune_rollups").count() == 1
