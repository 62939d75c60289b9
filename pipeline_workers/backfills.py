"""Backfills on their way: slots start as there is room, the results of runs are taken over, and what is done is ended.

Any worker may take a backfill on at any time: its row is locked, and whoever finds it locked leaves it alone.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from controlplane.backfills.models import Backfill, Slot
from controlplane.backfills.selectors import backfills_active
from controlplane.backfills.services import (
    backfill_move,
    backfill_settle,
    backfill_wait,
    failures_mend,
    runs_cancel,
    slot_start,
    slots_follow,
)
from controlplane.backfills.states import STARTING, BackfillState, SlotState
from controlplane.runs.models import IS_ACTIVE, Run
from controlplane.runs.services.commands import Overlapping
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.states import Desired
from controlplane.telemetry.selectors import lag

logger = logging.getLogger(__name__)


def backfills_advance() -> None:
    """One round over every backfill that is not over, and the incidents of those that failed.

    What one trips over does not hold up the others.
    """
    for pk in list(backfills_active().values_list("pk", flat=True)):
        try:
            advance(pk)
        except Exception:
            logger.exception("backfill %s could not be advanced", pk)
    failures_mend()


def run_ended(run_id: int) -> None:
    """A run is over: the backfill that waits for it goes on."""
    for pk in Slot.objects.filter(run_id=run_id).values_list("backfill_id", flat=True):
        advance(pk)


@transaction.atomic
def advance(backfill_id: int) -> None:
    """Bring a backfill as far as it gets without waiting."""
    backfills = Backfill.objects.select_for_update(of=("self",), skip_locked=True)
    backfill = backfills.select_related("pipeline", "requested_by").filter(pk=backfill_id).first()
    if backfill is None:
        return
    slots_follow(backfill=backfill)
    if backfill.state == BackfillState.CANCELLING:
        # A run that somebody took up again meanwhile ends too.
        runs_cancel(backfill=backfill, actor=None, reason=f"{backfill} is being cancelled")
    if not backfill_settle(backfill=backfill) and backfill.state in STARTING:
        _start(backfill)


def _start(backfill: Backfill) -> None:
    """Start slots while there is room, and say what holds back those that might start."""
    pending = backfill.slots.filter(state=SlotState.PENDING)
    if not pending.exists():
        backfill_wait(backfill=backfill, waiting="")
        return
    throttled, words = _throttle(backfill)
    room = backfill.concurrency - backfill.slots.filter(state=SlotState.RUNNING).count()
    busy = _busy(backfill)
    for slot in pending.select_related("backfill__pipeline", "backfill__requested_by", "run"):
        if throttled or room <= 0:
            break
        if (other := _over(busy, slot)) is not None:
            words = f"{other} works on {slot.day}"
            continue
        try:
            slot_start(slot=slot)
        except Overlapping as error:  # asked for between the look and the lock
            words = str(error)
            continue
        room -= 1
        if backfill.state == BackfillState.QUEUED:
            began = backfill.started_at or timezone.now()
            backfill_move(backfill=backfill, to=BackfillState.RUNNING, started_at=began)
    backfill_wait(backfill=backfill, waiting=words, throttled=throttled)


def _busy(backfill: Backfill) -> list[Run]:
    """Runs that are not over, beside which no slot of their days may start."""
    days = {"first_day__lte": backfill.last_day, "last_day__gte": backfill.first_day}
    return list(Run.objects.filter(IS_ACTIVE, pipeline=backfill.pipeline, **days))


def _over(runs: list[Run], slot: Slot) -> Run | None:
    return next((run for run in runs if run.first_day <= slot.day <= run.last_day), None)


def _throttle(backfill: Backfill) -> tuple[bool, str]:
    """Whether the live lag holds new slots back, and words where there is something to say.

    A stream that is not wanted to run has no lag that a backfill could add to. A lag that is not known holds nothing
    back: a collector that is away must not stop the work of a night.
    """
    job = StreamingJob.objects.filter(pipeline=backfill.pipeline).first()
    if job is None or job.desired != Desired.RUNNING:
        return False, ""
    total, most = lag(backfill.pipeline)["total"], backfill.throttle_lag
    if total is None:
        return False, "the live lag is not known, and holds nothing back"
    if total > most:
        return True, f"the live lag is {total:,} readings, more than {most:,}"
    if backfill.throttled and total and total * 2 >= most:
        return True, f"the live lag is {total:,} readings, not yet below half of {most:,}"
    return False, ""
