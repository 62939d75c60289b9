"""What is asked for is made whole, or refused with nothing changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.accounts.models import AuditEntry
from controlplane.backfills.models import Backfill, Slot
from controlplane.backfills.services import backfill_request
from controlplane.backfills.services.commands import NothingToDo, Overlapping
from controlplane.core.errors import DomainError, Invalid, NotFound
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.runs.services import run_request
from tests.controlplane.backfills.days import asked, day, over, ran

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_a_backfill_has_a_slot_a_day_the_oldest_first_and_leaves_a_task(pipeline: Pipeline) -> None:
    made = asked(3, reason="sensors recalibrated")
    assert (made.state, made.concurrency, made.throttle_lag) == ("queued", 1, 10_000)
    assert list(made.slots.values_list("position", "day", "state")) == [
        (1, day(0), "pending"),
        (2, day(1), "pending"),
        (3, day(2), "pending"),
    ]
    assert not Run.objects.exists()
    assert Outbox.objects.filter(task="penstock.advance_backfills").count() == 1
    entry = AuditEntry.objects.get(action="backfill.requested")
    assert (entry.object, entry.reason) == (f"pipeline/plant/backfill/{made.pk}", "sensors recalibrated")
    assert (entry.after["slots"], entry.after["first_day"]) == (3, str(day(0)))


def test_the_newest_day_may_come_first(pipeline: Pipeline) -> None:
    made = asked(3, order="newest")
    assert list(made.slots.values_list("day", flat=True)) == [day(2), day(1), day(0)]


def test_one_day_is_a_range(pipeline: Pipeline) -> None:
    made = backfill_request(pipeline="plant", first_day=day(0))
    assert (made.last_day, made.slots.count()) == (day(0), 1)


def test_only_days_that_never_ran_or_only_those_that_failed_get_a_slot(pipeline: Pipeline) -> None:
    ran(0)
    ran(1, "failed")
    ran(2, "cancelled")
    missing = asked(4, only="missing")
    assert list(missing.slots.values_list("day", flat=True)) == [day(2), day(3)]
    Backfill.objects.update(state="cancelled")
    failed = asked(4, only="failed")
    assert list(failed.slots.values_list("day", flat=True)) == [day(1)]


def test_of_a_day_the_newest_run_that_ended_by_itself_counts(pipeline: Pipeline) -> None:
    ran(0, "failed")
    ran(0)
    ran(0, "cancelled")
    ran(1)
    ran(1, "failed")
    assert list(asked(2, only="failed").slots.values_list("day", flat=True)) == [day(1)]


def refused(error: type[DomainError], match: str, **wanted: Any) -> DomainError:
    before = (Backfill.objects.count(), Slot.objects.count(), AuditEntry.objects.count(), Outbox.objects.count())
    with pytest.raises(error, match=match) as raised:
        backfill_request(**{"pipeline": "plant", "first_day": day(0), **wanted})
    after = (Backfill.objects.count(), Slot.objects.count(), AuditEntry.objects.count(), Outbox.objects.count())
    assert after == before
    return raised.value


def test_days_that_make_no_range_are_refused(pipeline: Pipeline) -> None:
    today = timezone.now().date()
    refused(Invalid, "ends before it starts", last_day=day(-1))
    refused(Invalid, "in the future", last_day=today + timedelta(days=1))
    refused(Invalid, "too long", first_day=today - timedelta(days=366), last_day=today)
    longest = backfill_request(pipeline="plant", first_day=today - timedelta(days=365), last_day=today)
    assert longest.slots.count() == 366


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0), ("concurrency", 9), ("concurrency", True), ("throttle_lag", -1), ("throttle_lag", 10**13),
        ("order", "random"), ("only", "some"),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_by_its_name(pipeline: Pipeline, name: str, value: Any) -> None:
    error = refused(Invalid, name, **{name: value})
    assert isinstance(error, Invalid)
    assert list(error.errors) == [name]


def test_a_pipeline_that_is_not_there_is_not_found(pipeline: Pipeline) -> None:
    refused(NotFound, "no pipeline other", pipeline="other")


def test_a_day_of_another_backfill_or_of_a_run_that_is_not_over_is_refused(pipeline: Pipeline) -> None:
    first = asked(3)
    refused(Overlapping, f"backfill {first.pk} is queued and has {day(0)} to {day(2)}", first_day=day(2))
    run = run_request(pipeline="plant", kind="daily", first_day=day(5))
    refused(Overlapping, f"daily run {run.pk} is queued", first_day=day(4), last_day=day(6))
    assert backfill_request(pipeline="plant", first_day=day(3), last_day=day(4)).slots.count() == 2
    over(run)
    assert backfill_request(pipeline="plant", first_day=day(5)).slots.count() == 1


def test_a_range_without_a_day_that_is_wanted_is_refused(pipeline: Pipeline) -> None:
    refused(NothingToDo, "no day of the range has failed", only="failed")
    ran(0)
    refused(NothingToDo, "has run already", only="missing")


def test_the_database_itself_keeps_a_day_and_a_run_from_two_slots(pipeline: Pipeline) -> None:
    made, run = asked(2), ran(9)
    first, second = made.slots.all()
    Slot.objects.filter(pk=first.pk).update(run=run)
    for change in ({"run": run}, {"day": first.day}, {"position": first.position}, {"state": "running"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Slot.objects.filter(pk=second.pk).update(**change)
