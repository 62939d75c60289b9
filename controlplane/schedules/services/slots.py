"""What becomes of due times. Beat's task and the workers' round both call `schedule_due`, as often as they like: a due
time has one slot, and a slot one run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.alerts.services import incident_clear, incident_tell
from controlplane.alerts.states import IncidentKind
from controlplane.core.errors import DomainError, IllegalMove
from controlplane.runs.services import run_request
from controlplane.runs.states import RunKind
from controlplane.schedules.models import Schedule, Slot
from controlplane.schedules.selectors import schedule_is_busy
from controlplane.schedules.states import SLOT_MOVES, CatchUp, SlotState

PROMPT = timedelta(seconds=60)  # within which a due time is looked at in time
MOST_CAUGHT_UP = {CatchUp.NONE: 0, CatchUp.LATEST: 1, CatchUp.ALL: 50}
MOST_NOTED = 1000  # the newest; of a text that is due each minute, a year would be half a million rows
MOST_NAMED = 10
WHAT_FOLLOWS = {
    CatchUp.NONE: "none of them is run",
    CatchUp.LATEST: "the newest of them is run now",
    CatchUp.ALL: f"they are run in order, the newest {MOST_CAUGHT_UP[CatchUp.ALL]} at most",
}


@transaction.atomic
def schedule_due(*, schedule_id: int) -> None:
    """Make slots of the due times that have come, and request the runs of those that are not missed.

    A schedule that somebody else holds is left to them, and one that is gone or disabled is left in peace.
    """
    chosen = Schedule.objects.select_for_update(of=("self",), skip_locked=True).select_related("pipeline")
    schedule = chosen.filter(pk=schedule_id, deleted_at=None, enabled=True).first()
    if schedule is None:
        return
    _slots_make(schedule, timezone.now())
    for slot in schedule.slots.filter(state=SlotState.DUE).order_by("due_at"):
        slot.schedule = schedule
        is_late = slot.created_at - slot.due_at > PROMPT
        if is_late and schedule.catch_up == CatchUp.ALL and schedule_is_busy(schedule):
            return  # one after another
        _request(slot)


@transaction.atomic
def schedule_rewind(*, schedule_id: int) -> None:
    """Look again from now on where the clock was ahead and has been put right. What has a run keeps it."""
    schedule = Schedule.objects.select_for_update(skip_locked=True).filter(pk=schedule_id, deleted_at=None).first()
    if schedule is None or schedule.next_due_at is None:
        return
    now = timezone.now()
    (first,) = schedule.timing.next(now, 1)
    if first < schedule.next_due_at:
        # What is yet to come has neither been missed nor refused.
        schedule.slots.filter(due_at__gt=now, run=None).delete()
        Schedule.objects.filter(pk=schedule.pk).update(next_due_at=first)


def slot_move(*, slot: Slot, to: str, **changes: Any) -> None:
    """Move a slot's state, and change other columns with it. Where there will be no run, none is late.

    Raises IllegalMove.
    """
    if to not in SLOT_MOVES[SlotState(slot.state)]:
        raise IllegalMove(f"{slot}: {slot.state} may not become {to}")
    if not Slot.objects.filter(pk=slot.pk, state=slot.state).update(state=to, **changes):
        raise IllegalMove(f"{slot} was moved by somebody else")
    slot.refresh_from_db()
    if to != SlotState.REQUESTED:
        for kind in (IncidentKind.SLA_START, IncidentKind.SLA_END):
            incident_clear(kind=kind, object=slot.path, resolution=f"the slot is {to}: {slot.reason}")


def _slots_make(schedule: Schedule, now: datetime) -> None:
    if schedule.next_due_at is None or schedule.next_due_at > now:
        return
    come = deque(schedule.timing.up_to(schedule.next_due_at, now), maxlen=MOST_NOTED)
    known = set(schedule.slots.filter(due_at__in=come).values_list("due_at", flat=True))
    times = [due for due in come if due not in known]
    late = [due for due in times if now - due > PROMPT]
    count = MOST_CAUGHT_UP[CatchUp(schedule.catch_up)]
    missed = set(late[: max(len(late) - count, 0)])
    Slot.objects.bulk_create(
        Slot(
            schedule=schedule,
            due_at=due,
            created_at=now,
            state=SlotState.MISSED if due in missed else SlotState.DUE,
            reason="nobody looked in time" if due in missed else "",
        )
        for due in times
    )
    (schedule.next_due_at,) = schedule.timing.next(now, 1)
    Schedule.objects.filter(pk=schedule.pk).update(next_due_at=schedule.next_due_at)
    if late:
        _tell_late(schedule, late)
    elif times:
        words = f"the slot of {_named(times[-1])} was served in time"
        incident_clear(kind=IncidentKind.SCHEDULE_MISSED, object=schedule.path, resolution=words)


def _request(slot: Slot) -> None:
    """Ask for the slot's run; a daily one is over the day before the due time."""
    schedule = slot.schedule
    day = (slot.due_at - timedelta(days=1)).date() if schedule.kind == RunKind.DAILY else None
    try:
        run = run_request(
            pipeline=schedule.pipeline.name,
            kind=schedule.kind,
            first_day=day,
            parameters=schedule.parameters,
            trigger=str(schedule),
            reason=f"due at {_named(slot.due_at)}",
        )
    except DomainError as error:
        slot_move(slot=slot, to=SlotState.REFUSED, reason=str(error))
    else:
        slot_move(slot=slot, to=SlotState.REQUESTED, run=run)


def _tell_late(schedule: Schedule, late: Sequence[datetime]) -> None:
    named = ", ".join(_named(due) for due in late[-MOST_NAMED:])
    more = f", and {len(late) - MOST_NAMED} before" if len(late) > MOST_NAMED else ""
    times = "due time" if len(late) == 1 else "due times"
    incident_tell(
        kind=IncidentKind.SCHEDULE_MISSED,
        object=schedule.path,
        cause=f"nobody looked at {len(late)} {times} of {schedule} in time: {named}{more}; "
        f"{WHAT_FOLLOWS[CatchUp(schedule.catch_up)]}",
        subject=f"{schedule.pipeline.name}: {schedule} was missed",
    )


def _named(due: datetime) -> str:
    return f"{due:%Y-%m-%d %H:%M} UTC"
