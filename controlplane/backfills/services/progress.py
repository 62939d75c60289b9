"""How far a backfill is. One function moves a backfill, one a slot. All are called with the backfill's row locked."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.backfills.models import Backfill, BackfillMove, Slot
from controlplane.backfills.services.incidents import failure_clear, failure_tell
from controlplane.backfills.states import MOVES, OF_RUN, SLOT_MOVES, BackfillState, SlotState
from controlplane.core.errors import IllegalMove
from controlplane.runs.models import Run
from controlplane.runs.services import run_cancel, run_request
from controlplane.runs.states import RunKind, RunState

NAMED = 3  # of the days that failed, in a cause


@transaction.atomic
def backfill_move(*, backfill: Backfill, to: str, reason: str = "", **changes: Any) -> None:
    """Move a backfill's state, and change other columns with it. Raises IllegalMove.

    A failure opens its incident, with a word to people; success clears it.
    """
    before = backfill.state
    if to not in MOVES[before]:
        raise IllegalMove(f"{backfill}: {before} may not become {to}")
    changes = {"waiting": "", "throttled": False, **changes}
    if not Backfill.objects.filter(pk=backfill.pk, state=before).update(state=to, **changes):
        raise IllegalMove(f"{backfill} was moved by somebody else")
    BackfillMove.objects.create(backfill=backfill, before=before, after=to, reason=reason)
    backfill.refresh_from_db()
    if to == BackfillState.FAILED:
        failure_tell(backfill=backfill)
    elif to == BackfillState.SUCCEEDED:
        failure_clear(backfill=backfill, resolution=f"{backfill} succeeded")


def backfill_wait(*, backfill: Backfill, waiting: str, throttled: bool = False) -> None:
    """Say what holds a backfill back, empty when nothing does, and whether that is the live lag."""
    told = (waiting[:500], throttled)
    if (backfill.waiting, backfill.throttled) != told:
        backfill.waiting, backfill.throttled = told
        backfill.save(update_fields=["waiting", "throttled"])


def backfill_settle(*, backfill: Backfill) -> bool:
    """End a backfill of which nothing is left to be done; whether it is over."""
    states = list(backfill.slots.values_list("state", flat=True))
    failed, cancelled = states.count(SlotState.FAILED), states.count(SlotState.CANCELLED)
    if backfill.state == BackfillState.FAILED and states.count(SlotState.SUCCEEDED) == len(states):
        _end(backfill, BackfillState.SUCCEEDED, "")
    if backfill.is_over:
        return True
    if SlotState.RUNNING in states or SlotState.PENDING in states:
        return False
    if backfill.state == BackfillState.CANCELLING:
        _end(backfill, BackfillState.CANCELLED, backfill.cause)
    elif failed:
        _end(backfill, BackfillState.FAILED, f"{failed} of {len(states)} days failed: {_causes(backfill)}")
    elif cancelled:
        _end(backfill, BackfillState.CANCELLED, f"{cancelled} of {len(states)} days were cancelled")
    else:
        _end(backfill, BackfillState.SUCCEEDED, "")
    return True


@transaction.atomic
def slot_start(*, slot: Slot) -> Run:
    """Have a slot's day done by a new run: both are there, or neither. Raises Overlapping, as `run_request` does."""
    backfill = slot.backfill
    run = run_request(
        pipeline=backfill.pipeline.name,
        kind=RunKind.BACKFILL,
        first_day=slot.day,
        last_day=slot.day,
        trigger=backfill.trigger,
        actor=backfill.requested_by,
        reason=backfill.reason,
        rerun_of=slot.run,
    )
    slot_move(slot=slot, to=SlotState.RUNNING, run=run)
    return run


def slot_move(*, slot: Slot, to: str, **changes: Any) -> None:
    before = slot.state
    if to not in SLOT_MOVES[before]:
        raise IllegalMove(f"{slot}: {before} may not become {to}")
    if not Slot.objects.filter(pk=slot.pk, state=before).update(state=to, **changes):
        raise IllegalMove(f"{slot} was moved by somebody else")
    slot.refresh_from_db()


def slots_follow(*, backfill: Backfill) -> None:
    """Take over what has become of the runs of slots, which people may also cancel and retry by themselves."""
    begun = backfill.slots.exclude(state=SlotState.PENDING).exclude(run=None).exclude(state=F("run__state"))
    for slot in begun.select_related("run"):
        to = OF_RUN[RunState(slot.run.state)]
        if to != slot.state:
            slot_move(slot=slot, to=to)


def runs_cancel(*, backfill: Backfill, actor: User | None, reason: str) -> None:
    """Have the runs of a backfill end that are not over and not being cancelled."""
    wanted = Run.objects.filter(backfill_slot__backfill=backfill, state__in=[RunState.QUEUED, RunState.RUNNING])
    for pk in wanted.order_by("pk").values_list("pk", flat=True):
        try:
            run_cancel(run_id=pk, actor=actor, reason=reason)
        except IllegalMove:  # it was over by the time that its row was locked
            continue


def _end(backfill: Backfill, to: str, cause: str) -> None:
    backfill_move(backfill=backfill, to=to, reason=cause, cause=cause, ended_at=timezone.now())


def _causes(backfill: Backfill) -> str:
    failed = list(backfill.slots.filter(state=SlotState.FAILED).select_related("run").order_by("day"))
    told = [f"{slot.day} ({slot.run}: {slot.run.cause[:200]})" for slot in failed[:NAMED]]
    return "; ".join(told) + (f" and {len(failed) - NAMED} more" if len(failed) > NAMED else "")
