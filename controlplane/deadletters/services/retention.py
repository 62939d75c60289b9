"""No open letter goes before people were warned: each day of them has an incident for a week before it is let go of."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from controlplane.alerts.services import incident_clear, incident_tell
from controlplane.alerts.states import IncidentKind
from controlplane.deadletters.models import DeadLetter, ExpiryWarning, IndexMark
from controlplane.deadletters.states import LetterStatus
from controlplane.pipelines.models import Pipeline

WARNED = timedelta(days=7)
UNSETTLED = [LetterStatus.OPEN, LetterStatus.REDRIVING]


@transaction.atomic
def expiry_warn(*, pipeline: Pipeline, today: date, days: int) -> date | None:
    """Warn of open letters of days that are kept for less than a week more, where letters are kept for `days`.

    Gives the first day that must stay whatever its age, because it was not warned of for a week: none of the days
    after it may go either. None where none must stay.
    """
    if not IndexMark.objects.filter(pipeline=pipeline).exists():
        return date.min  # nobody knows what there is
    held = []
    for day, count in _unsettled(pipeline, before=today - timedelta(days=days) + WARNED):
        warning, made = ExpiryWarning.objects.get_or_create(pipeline=pipeline, day=day)
        goes = max(day + timedelta(days=days + 1), (warning.warned_at + WARNED).date())
        if made:
            cause = f"{count:,} dead letters of {day} are open, and go on {goes}: mend, redrive or discard them"
            subject = f"{pipeline}: dead letters of {day} are about to expire"
            incident_tell(kind=IncidentKind.LETTERS_EXPIRING, object=warning.path, cause=cause, subject=subject)
        if warning.warned_at > timezone.now() - WARNED:
            held.append(day)
    return min(held, default=None)


@transaction.atomic
def warnings_mend(*, pipeline: Pipeline) -> None:
    """Take back warnings of days of which no letter is open any more."""
    warnings = list(ExpiryWarning.objects.filter(pipeline=pipeline))
    if not warnings:
        return
    latest = max(item.day for item in warnings)
    waiting = {day for day, _ in _unsettled(pipeline, before=latest + timedelta(days=1))}
    for warning in warnings:
        if warning.day not in waiting:
            incident_clear(
                kind=IncidentKind.LETTERS_EXPIRING, object=warning.path, resolution="no letter of the day is open"
            )
            warning.delete()


def _unsettled(pipeline: Pipeline, *, before: date) -> list[tuple[date, int]]:
    """Days with letters of which nothing has become yet, oldest first, and how many."""
    letters = DeadLetter.objects.filter(pipeline=pipeline, status__in=UNSETTLED, gone=False)
    by_day = letters.order_by().annotate(day=TruncDate("kafka_timestamp")).filter(day__lt=before)
    return list(by_day.values("day").annotate(count=Count("pk")).order_by("day").values_list("day", "count"))
