"""What people say of schedules: made, changed, switched, deleted, run now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.alerts.services import incident_clear
from controlplane.alerts.states import IncidentKind
from controlplane.core.errors import DomainError, Invalid
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from controlplane.runs.models import Run
from controlplane.runs.parameters import parameters_checked
from controlplane.runs.services import run_request
from controlplane.runs.states import RunKind
from controlplane.schedules.models import Schedule
from controlplane.schedules.selectors import schedule_named, schedules_of
from controlplane.schedules.services.beat import beat_forget, beat_keep
from controlplane.schedules.services.slots import slot_move
from controlplane.schedules.states import KINDS, CatchUp, SlotState
from controlplane.schedules.timing import Timing, timing_checked

MOST_MINUTES = 10_080
USUAL: dict[str, Any] = {
    "cron": "",
    "interval_seconds": None,
    "timezone": "UTC",
    "parameters": {},
    "enabled": True,
    "catch_up": CatchUp.LATEST,
    "start_within_minutes": None,
    "end_within_minutes": None,
}
FIELDS = ("kind", *USUAL)
# What a new installation has. Each night: what is kept for so many days is let go of by the day.
PROVIDED: dict[str, dict[str, Any]] = {
    "daily": {
        "kind": RunKind.DAILY,
        "cron": "30 0 * * *",
        "start_within_minutes": 15,
        "end_within_minutes": 120,
    },
    "maintenance": {"kind": RunKind.MAINTENANCE, "cron": "30 3 * * *"},
    # Past the hour by as much as a reading may be late.
    "quality": {"kind": RunKind.QUALITY, "cron": "10 */6 * * *"},
}


class Taken(DomainError):
    """Another schedule of the pipeline has the name."""


@transaction.atomic
def schedule_create(
    *, pipeline: str, name: str, values: Mapping[str, Any], actor: User | None, reason: str = ""
) -> Schedule:
    """A new schedule; what is not told is as usual. Raises NotFound, Invalid and Taken."""
    found = pipeline_named(pipeline)
    now = timezone.now()
    told = _checked(values, now)
    # Two who ask at once are told apart here, before the constraint has to.
    Pipeline.objects.select_for_update(no_key=True).get(pk=found.pk)
    if schedules_of(found).filter(name=name).exists():
        raise Taken(f"{pipeline} has a schedule {name} already")
    schedule = Schedule(pipeline=found, name=name, **told)
    schedule.next_due_at = _first_due(schedule, now)
    schedule.save()
    beat_keep(schedule=schedule)
    audit_record(actor=actor, action="schedule.made", object=schedule.path, after=_told(schedule), reason=reason)
    return schedule


@transaction.atomic
def schedule_change(
    *, pipeline: str, name: str, values: Mapping[str, Any], actor: User | None, reason: str = ""
) -> Schedule:
    """Have a schedule say this, and nothing of what it said before. Raises NotFound and Invalid.

    Due times before a change of the times, or while it was disabled, are none that were missed.
    """
    schedule = schedule_named(pipeline, name, locked=True)
    return _change(schedule, _checked(values, timezone.now()), "schedule.changed", actor, reason)


@transaction.atomic
def schedule_switch(*, pipeline: str, name: str, enabled: bool, actor: User | None, reason: str = "") -> Schedule:
    """Enable or disable a schedule. Raises NotFound."""
    schedule = schedule_named(pipeline, name, locked=True)
    action = "schedule.enabled" if enabled else "schedule.disabled"
    return _change(schedule, _told(schedule) | {"enabled": enabled}, action, actor, reason)


@transaction.atomic
def schedule_delete(*, pipeline: str, name: str, actor: User | None, reason: str = "") -> None:
    """Have a schedule make no run any more. Its slots, and the runs that it made, stay. Raises NotFound."""
    schedule = schedule_named(pipeline, name, locked=True)
    before = _told(schedule)
    _leave(schedule, "the schedule was deleted")
    beat_forget(schedule=schedule)
    schedule.enabled, schedule.next_due_at, schedule.deleted_at = False, None, timezone.now()
    schedule.save()
    audit_record(actor=actor, action="schedule.deleted", object=schedule.path, before=before, reason=reason)


def schedule_run(*, pipeline: str, name: str, actor: User | None, reason: str = "") -> Run:
    """A run as the schedule makes them, now; it takes no slot. Raises NotFound, Invalid and Overlapping."""
    schedule = schedule_named(pipeline, name)
    return run_request(
        pipeline=pipeline,
        kind=schedule.kind,
        parameters=schedule.parameters,
        trigger=str(schedule),
        actor=actor,
        reason=reason,
    )


def schedule_plan(*, pipeline: str, name: str, values: Mapping[str, Any], is_new: bool) -> list[datetime]:
    """The next due times that a schedule would have that says this. Raises NotFound, Invalid and Taken."""
    found = pipeline_named(pipeline)
    if not is_new:
        schedule_named(pipeline, name)
    elif schedules_of(found).filter(name=name).exists():
        raise Taken(f"{pipeline} has a schedule {name} already")
    now = timezone.now()
    told = _checked(values, now)
    return Timing(told["cron"], told["interval_seconds"], told["timezone"]).next(now)


@transaction.atomic
def schedules_ensure(*, pipeline: Pipeline) -> list[str]:
    """Make the schedules that every pipeline starts with, but for those that it has or ever had; names of the made."""
    known = set(Schedule.objects.filter(pipeline=pipeline, name__in=PROVIDED).values_list("name", flat=True))
    missing = [name for name in PROVIDED if name not in known]
    for name in missing:
        schedule_create(pipeline=pipeline.name, name=name, values=PROVIDED[name], actor=None, reason="provided")
    return missing


def _change(schedule: Schedule, told: dict[str, Any], action: str, actor: User | None, reason: str) -> Schedule:
    before, timing, was_enabled = _told(schedule), schedule.timing, schedule.enabled
    if told == before:
        return schedule
    for field, value in told.items():
        setattr(schedule, field, value)
    if (schedule.timing, schedule.enabled) != (timing, was_enabled):
        schedule.next_due_at = _first_due(schedule, timezone.now())
    if not schedule.enabled:
        _leave(schedule, "the schedule was disabled")
    schedule.save()
    beat_keep(schedule=schedule)
    audit_record(actor=actor, action=action, object=schedule.path, before=before, after=_told(schedule), reason=reason)
    return schedule


def _leave(schedule: Schedule, words: str) -> None:
    """What waits is not served any more, and what was missed is nobody's concern."""
    for slot in schedule.slots.filter(state=SlotState.DUE):
        slot_move(slot=slot, to=SlotState.MISSED, reason=words)
    incident_clear(kind=IncidentKind.SCHEDULE_MISSED, object=schedule.path, resolution=words)


def _first_due(schedule: Schedule, now: datetime) -> datetime | None:
    return schedule.timing.next(now, 1)[0] if schedule.enabled else None


def _checked(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Every field of a schedule. Raises Invalid with a sentence for each that is not right."""
    told = {field: values[field] if field in values else USUAL[field] for field in FIELDS}
    if told["kind"] not in KINDS:
        raise Invalid("a schedule makes no such runs", {"kind": [f"one of {', '.join(KINDS)}"]})
    told["cron"] = " ".join(told["cron"].split())
    errors: dict[str, list[str]] = {}
    try:
        told["parameters"] = parameters_checked(told["kind"], told["parameters"])
    except Invalid as error:
        errors |= error.errors
    try:
        timing_checked(**{field: told[field] for field in ("cron", "interval_seconds", "timezone")}, now=now)
    except Invalid as error:
        errors |= error.errors
    start, end = told["start_within_minutes"], told["end_within_minutes"]
    for field in ("start_within_minutes", "end_within_minutes"):
        if told[field] is not None and not 1 <= told[field] <= MOST_MINUTES:
            errors[field] = [f"from 1 to {MOST_MINUTES} minutes after the due time"]
    if not errors and start is not None and end is not None and end < start:
        errors["end_within_minutes"] = [f"before it has to start, which is within {start} min"]
    if errors:
        raise Invalid("the schedule is not right", errors)
    return told


def _told(schedule: Schedule) -> dict[str, Any]:
    return {field: getattr(schedule, field) for field in FIELDS}
