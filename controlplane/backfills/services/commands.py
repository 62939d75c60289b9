"""What people ask of backfills. It is noted here and brought about by the workers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.backfills.models import Backfill, Slot
from controlplane.backfills.selectors import active_over, backfill_numbered, conflicts, days_wanted
from controlplane.backfills.selectors.preview import nothing
from controlplane.backfills.services.progress import backfill_move, runs_cancel, slot_move, slots_follow
from controlplane.backfills.states import ACTIVE, ENDED, STARTING, BackfillState, Only, Order, SlotState
from controlplane.backfills.wanted import wanted_checked
from controlplane.core.errors import DomainError, IllegalMove
from controlplane.core.outbox import enqueue
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named

ADVANCE = "penstock.advance_backfills"
RETRIED = {
    Only.ALL: [SlotState.FAILED, SlotState.CANCELLED],
    Only.FAILED: [SlotState.FAILED],
    Only.MISSING: [SlotState.CANCELLED],
}


class Overlapping(DomainError):
    """A backfill or a run that is not over works on a day of the range."""


class NothingToDo(DomainError):
    """No day of the range is one of those that were asked for."""


@transaction.atomic
def backfill_request(
    *, pipeline: str, first_day: date, actor: User | None = None, reason: str = "", **wanted: Any
) -> Backfill:
    """A new backfill with its slots, queued, and a worker told of it; `wanted` is the rest of a Wanted by name.

    Raises NotFound, Invalid, Overlapping and NothingToDo.
    """
    told = wanted_checked(today=timezone.now().date(), first_day=first_day, **wanted)
    found = pipeline_named(pipeline)
    # Two who ask at once are told apart here, as are who asks for a run.
    Pipeline.objects.select_for_update(no_key=True).get(pk=found.pk)
    if others := conflicts(found, told.first_day, told.last_day):
        raise Overlapping(f"{others[0]}: wait for it, or cancel it")
    days = days_wanted(found, told)
    if not days:
        raise NothingToDo(nothing(told))
    made = Backfill.objects.create(pipeline=found, reason=reason, requested_by=actor, **asdict(told))
    days.sort(reverse=told.order == Order.NEWEST)
    Slot.objects.bulk_create(Slot(backfill=made, day=day, position=at) for at, day in enumerate(days, start=1))
    ends = {"first_day": told.first_day.isoformat(), "last_day": told.last_day.isoformat()}
    after = {**asdict(told), **ends, "slots": len(days)}
    audit_record(actor=actor, action="backfill.requested", object=made.path, after=after, reason=reason)
    enqueue(task=ADVANCE)
    return made


@transaction.atomic
def backfill_pause(*, backfill_id: int, actor: User | None, reason: str = "") -> Backfill:
    """Have no new slot start; those that run end by themselves. Raises NotFound and IllegalMove."""
    backfill = backfill_numbered(backfill_id, locked=True)
    if backfill.state not in STARTING:
        raise IllegalMove(f"{_as_it_is(backfill)}: only one that is queued or running is paused")
    return _say(backfill, "paused", BackfillState.PAUSED, actor, reason)


@transaction.atomic
def backfill_resume(*, backfill_id: int, actor: User | None, reason: str = "") -> Backfill:
    """Have slots start again. Raises NotFound and IllegalMove."""
    backfill = backfill_numbered(backfill_id, locked=True)
    if backfill.state != BackfillState.PAUSED:
        raise IllegalMove(f"{_as_it_is(backfill)}: only one that is paused is resumed")
    began = backfill.slots.exclude(run=None).exists()
    return _say(backfill, "resumed", BackfillState.RUNNING if began else BackfillState.QUEUED, actor, reason)


@transaction.atomic
def backfill_cancel(*, backfill_id: int, actor: User | None, reason: str = "") -> Backfill:
    """Have a backfill end, and its runs with it; it is cancelled once they are over. Raises NotFound, IllegalMove."""
    backfill = backfill_numbered(backfill_id, locked=True)
    if backfill.state not in ACTIVE - {BackfillState.CANCELLING}:
        raise IllegalMove(f"{_as_it_is(backfill)}: only one that is not over is cancelled")
    backfill.slots.filter(state=SlotState.PENDING).update(state=SlotState.CANCELLED)
    words = "cancelled" + (f": {reason}" if reason else "")
    runs_cancel(backfill=backfill, actor=actor, reason=f"{backfill} was {words}")
    slots_follow(backfill=backfill)
    running = backfill.slots.filter(state=SlotState.RUNNING).exists()
    changes = {"cause": words} if running else {"cause": words, "ended_at": timezone.now()}
    # What never began goes from queued to cancelled, for nothing of it runs.
    to = BackfillState.CANCELLING if running else BackfillState.CANCELLED
    return _say(backfill, "cancelled", to, actor, reason, **changes)


@transaction.atomic
def backfill_retry(*, backfill_id: int, actor: User | None, only: str = Only.ALL, reason: str = "") -> Backfill:
    """Take a backfill up again: the days that failed, those that are missing because they were cancelled, or both.

    Raises NotFound, IllegalMove where there is nothing to retry, and Overlapping.
    """
    backfill = backfill_numbered(backfill_id, locked=True)
    if backfill.state not in ENDED - {BackfillState.SUCCEEDED}:
        raise IllegalMove(f"{_as_it_is(backfill)}: only one that has failed or was cancelled is retried")
    slots_follow(backfill=backfill)
    slots = backfill.slots.filter(state__in=RETRIED[Only(only)])
    if not slots.exists():
        words = {Only.FAILED: "no day of it failed", Only.MISSING: "no day of it is missing"}
        raise IllegalMove(f"{backfill} has nothing to retry: {words.get(Only(only), 'every day of it runs')}")
    Pipeline.objects.select_for_update(no_key=True).get(pk=backfill.pipeline_id)
    other = active_over(backfill.pipeline, backfill.first_day, backfill.last_day).first()
    if other is not None:
        raise Overlapping(f"{other} is {other.state} and has {other.days}: wait for it, or cancel it")
    _again(slots)
    return _say(backfill, "retried", BackfillState.QUEUED, actor, reason, cause="", ended_at=None)


def _again(slots: QuerySet[Slot]) -> None:
    """The old run stays until the next one takes its place."""
    for slot in slots:
        slot_move(slot=slot, to=SlotState.PENDING)


def _as_it_is(backfill: Backfill) -> str:
    words = {
        BackfillState.CANCELLING: "is being cancelled",
        BackfillState.SUCCEEDED: "has succeeded",
        BackfillState.FAILED: "has failed",
        BackfillState.CANCELLED: "was cancelled",
    }
    return f"{backfill} {words.get(BackfillState(backfill.state), f'is {backfill.state}')}"


def _say(backfill: Backfill, action: str, to: str, actor: User | None, reason: str, **changes: Any) -> Backfill:
    before = backfill.state
    backfill_move(backfill=backfill, to=to, reason=f"{action}{f': {reason}' if reason else ''}", **changes)
    audit_record(
        actor=actor,
        action=f"backfill.{action}",
        object=backfill.path,
        before={"state": before},
        after={"state": backfill.state},
        reason=reason,
    )
    enqueue(task=ADVANCE)
    return backfill
