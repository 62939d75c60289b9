from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from controlplane.alerts.models import Incident, Notification
from controlplane.deadletters.models import DeadLetter, ExpiryWarning, IndexMark
from controlplane.deadletters.services import Found, expiry_warn, letters_discard, letters_index, warnings_mend
from controlplane.pipelines.models import Pipeline

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
TODAY = date(2026, 6, 1)
DAYS = 90
DUE = TODAY - timedelta(days=DAYS + 1)


def refused(pipeline: Pipeline, *days: date) -> None:
    IndexMark.objects.create(pipeline=pipeline)
    found = [
        Found(0, "t", 0, at, datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "empty", None, None, 0, [])
        for at, day in enumerate(days)
    ]
    letters_index(pipeline=pipeline, after=-1, found=found)


def warn(pipeline: Pipeline) -> date | None:
    return expiry_warn(pipeline=pipeline, today=TODAY, days=DAYS)


def test_a_day_with_open_letters_stays_until_it_was_warned_of_for_a_week(pipeline: Pipeline) -> None:
    refused(pipeline, DUE, DUE, DUE + timedelta(days=4), TODAY)
    assert warn(pipeline) == warn(pipeline) == DUE
    first, second = Incident.objects.order_by("object")
    assert (first.kind, first.object) == ("letters_expiring", f"pipeline/plant/dead-letters/{DUE}")
    assert first.cause.startswith(f"2 dead letters of {DUE} are open")
    assert second.cause.startswith(f"1 dead letters of {DUE + timedelta(days=4)} are open")
    assert Notification.objects.count() == 2
    ExpiryWarning.objects.filter(day=DUE).update(warned_at=timezone.now() - timedelta(days=7))
    assert warn(pipeline) == DUE + timedelta(days=4)
    ExpiryWarning.objects.update(warned_at=timezone.now() - timedelta(days=7))
    assert warn(pipeline) is None


def test_a_warning_is_taken_back_when_no_letter_of_the_day_is_open(pipeline: Pipeline) -> None:
    refused(pipeline, DUE)
    warn(pipeline)
    warnings_mend(pipeline=pipeline)
    assert Incident.objects.filter(cleared_at=None).count() == 1
    letters_discard(pipeline="plant", actor=None, reason="r")
    warnings_mend(pipeline=pipeline)
    assert not Incident.objects.filter(cleared_at=None).exists()
    assert (warn(pipeline), ExpiryWarning.objects.count()) == (None, 0)


def test_while_nothing_was_indexed_nothing_goes(pipeline: Pipeline) -> None:
    assert warn(pipeline) == date.min
    assert not DeadLetter.objects.exists()
