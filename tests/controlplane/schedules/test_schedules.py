from __future__ import annotations

import json
from typing import Any

import pytest
from celery import Celery
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from controlplane.accounts.models import AuditEntry
from controlplane.core.errors import Invalid
from controlplane.pipelines.models import Pipeline
from controlplane.schedules.models import Schedule
from controlplane.schedules.services import (
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_plan,
    schedule_run,
    schedule_switch,
    schedules_ensure,
)
from controlplane.schedules.services.commands import Taken
from tests.controlplane.schedules.conftest import Clock, moment

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
DAILY: dict[str, Any] = {"kind": "daily", "cron": "30 0 * * *"}


def crontab(beat: PeriodicTask) -> str:
    at = beat.crontab
    return f"{at.minute} {at.hour} {at.day_of_month} {at.month_of_year} {at.day_of_week} {at.timezone}"


def test_beat_is_kept_in_step_with_a_schedule(clock: Clock, nightly: Schedule) -> None:
    beat = PeriodicTask.objects.get()
    assert (beat.task, json.loads(beat.kwargs)) == ("penstock.schedule_due", {"schedule_id": nightly.pk})
    assert (beat.enabled, crontab(beat)) == (True, "30 0 * * * UTC")
    values = DAILY | {"cron": "*/30 1-3 * * MON-FRI", "timezone": "Europe/Berlin"}
    schedule_change(pipeline="plant", name="nightly", values=values, actor=None)
    beat.refresh_from_db()
    assert crontab(beat) == "0,30 1,2,3 * * 1,2,3,4,5 Europe/Berlin"
    schedule_change(pipeline="plant", name="nightly", values={"kind": "daily", "interval_seconds": 90}, actor=None)
    beat.refresh_from_db()
    assert (beat.crontab, beat.interval.every, beat.interval.period) == (None, 90, "seconds")
    schedule_switch(pipeline="plant", name="nightly", enabled=False, actor=None)
    beat.refresh_from_db()
    assert not beat.enabled
    schedule_delete(pipeline="plant", name="nightly", actor=None)
    assert not PeriodicTask.objects.exists()


@pytest.mark.parametrize("cron", ["0 0 L * *", "0 0 1,15 * MON", "0 0 * * MON#2", "5/10 * * jan-mar SUN", "0 0 * * 7"])
def test_what_celery_reads_otherwise_or_not_at_all_still_wakes_a_worker(
    clock: Clock, pipeline: Pipeline, cron: str
) -> None:
    made = schedule_create(pipeline="plant", name="n", values=DAILY | {"cron": cron}, actor=None)
    entry = ModelEntry(made.beat, app=Celery(set_as_current=False))
    for due in made.timing.next(clock.now):
        assert due.minute in entry.schedule.minute
        assert due.hour in entry.schedule.hour
        assert due.day in entry.schedule.day_of_month
        assert due.month in entry.schedule.month_of_year
        assert due.isoweekday() % 7 in entry.schedule.day_of_week


def test_a_change_has_who_before_after_and_why_in_the_audit_log(clock: Clock, nightly: Schedule) -> None:
    values = DAILY | {"catch_up": "all", "parameters": {"stale": "warn"}}
    for _ in range(2):  # the second changes nothing
        schedule_change(pipeline="plant", name="nightly", values=values, actor=None, reason="holidays")
    entry = AuditEntry.objects.get(action="schedule.changed")
    assert (entry.object, entry.reason) == ("pipeline/plant/schedule/nightly", "holidays")
    assert (entry.before["catch_up"], entry.after["catch_up"]) == ("latest", "all")
    assert (entry.before["parameters"]["stale"], entry.after["parameters"]["stale"]) == ("wait", "warn")


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_made(clock: Clock, pipeline: Pipeline) -> None:
    values = {"kind": "daily", "cron": "61 * * * *", "timezone": "UTC", "start_within_minutes": 0}
    with pytest.raises(Invalid) as refused:
        schedule_create(pipeline="plant", name="n", values=values | {"parameters": {"bronze_days": 1}}, actor=None)
    assert sorted(refused.value.errors) == ["cron", "parameters.bronze_days", "start_within_minutes"]
    with pytest.raises(Invalid):
        schedule_create(pipeline="plant", name="n", values=DAILY | {"kind": "backfill"}, actor=None)
    limits = {"start_within_minutes": 20, "end_within_minutes": 10}
    with pytest.raises(Invalid, match="not right"):
        schedule_create(pipeline="plant", name="n", values=DAILY | limits, actor=None)
    assert not Schedule.objects.exists()
    assert not PeriodicTask.objects.exists()


def test_a_name_is_taken_until_its_schedule_is_deleted(clock: Clock, nightly: Schedule) -> None:
    with pytest.raises(Taken):
        schedule_create(pipeline="plant", name="nightly", values=DAILY, actor=None)
    with pytest.raises(Taken):
        schedule_plan(pipeline="plant", name="nightly", values=DAILY, is_new=True)
    schedule_delete(pipeline="plant", name="nightly", actor=None)
    assert schedule_create(pipeline="plant", name="nightly", values=DAILY, actor=None).pk != nightly.pk


def test_a_plan_says_what_would_be_due_and_makes_nothing(clock: Clock, pipeline: Pipeline) -> None:
    found = schedule_plan(pipeline="plant", name="n", values=DAILY, is_new=True)
    assert found == [moment(f"03-{day} 00:30") for day in (11, 12, 13, 14, 15)]
    assert not Schedule.objects.exists()


def test_a_run_now_is_as_the_schedule_makes_them_and_takes_no_slot(clock: Clock, nightly: Schedule) -> None:
    run = schedule_run(pipeline="plant", name="nightly", actor=None, reason="now")
    assert (run.kind, run.first_day, run.trigger) == ("daily", moment("03-09").date(), "schedule nightly")
    assert not nightly.slots.exists()


def test_a_pipeline_starts_with_three_schedules_and_what_was_deleted_stays_so(clock: Clock, pipeline: Pipeline) -> None:
    assert schedules_ensure(pipeline=pipeline) == ["daily", "maintenance", "quality"]
    found = {item.name: item for item in Schedule.objects.all()}
    assert found["daily"].enabled
    assert found["daily"].next_due_at == moment("03-11 00:30")
    assert (found["daily"].start_within_minutes, found["daily"].end_within_minutes) == (15, 120)
    assert (found["maintenance"].next_due_at, found["maintenance"].catch_up) == (moment("03-11 03:30"), "latest")
    schedule_delete(pipeline="plant", name="daily", actor=None)
    schedule_delete(pipeline="plant", name="quality", actor=None)
    schedule_change(pipeline="plant", name="maintenance", values=DAILY, actor=None)
    assert schedules_ensure(pipeline=pipeline) == []
    assert Schedule.objects.get(deleted_at=None).kind == "daily"
