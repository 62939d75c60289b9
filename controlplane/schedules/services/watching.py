"""Whether the run of a slot starts and ends as long after the due time as its schedule allows."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from controlplane.alerts.models import Incident
from controlplane.alerts.services import incident_clear, incident_tell
from controlplane.alerts.states import IncidentKind
from controlplane.schedules.models import Slot


@transaction.atomic
def slot_watch(*, slot: Slot, now: datetime) -> None:
    """Open what is too late, clear what has come, and leave the slot once its run is over.

    What nobody saw happen is noted all the same: an incident that is opened and cleared at once.
    """
    run, schedule = slot.run, slot.schedule
    ended = run.ended_at if run is not None and run.is_over else None
    started = (run.started_at if run is not None else None) or ended
    _judge(slot, IncidentKind.SLA_START, "started", schedule.start_within_minutes, started, now)
    _judge(slot, IncidentKind.SLA_END, "ended", schedule.end_within_minutes, ended, now)
    if ended is not None:
        Slot.objects.filter(pk=slot.pk).update(settled_at=now)


def _judge(slot: Slot, kind: str, word: str, limit: int | None, came: datetime | None, now: datetime) -> None:
    """`came` is when the run did what `word` says; None when it has not."""
    late = timedelta() if limit is None else (came or now) - slot.due_at - timedelta(minutes=limit)
    if late <= timedelta():
        incident_clear(kind=kind, object=slot.path, resolution="by the schedule as it is now, it is not late")
        return
    # One that has come is cleared already, if it was seen in the round before.
    if came is None or not Incident.objects.filter(kind=kind, object=slot.path).exists():
        what = slot.run or "the run"
        incident_tell(
            kind=kind,
            object=slot.path,
            cause=f"{what}, due at {slot.due_at:%Y-%m-%d %H:%M} UTC, had not {word} {limit} min later",
            subject=f"{slot.schedule.pipeline.name}: {what} of {slot.schedule} has not {word} in time",
        )
    if came is not None:
        over = f"{slot.run} {word if word == 'started' else slot.run.state} {_minutes(late)} late" if slot.run else ""
        incident_clear(kind=kind, object=slot.path, resolution=over)


def _minutes(late: timedelta) -> str:
    return f"{late.total_seconds() / 60:.1f} min"
