"""The workers' look at schedules: due times that beat did not tell of, limits passed, tables that are stale."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from controlplane.schedules.models import Schedule
from controlplane.schedules.selectors import schedules_to_serve, slots_unsettled
from controlplane.schedules.services import schedule_due, schedule_rewind, slot_watch, tables_watch
from controlplane.streaming.models import StreamingJob

logger = logging.getLogger(__name__)


def schedules_serve() -> None:
    """One round over every schedule and slot. What one trips over does not hold up the others."""
    for pk in Schedule.objects.filter(deleted_at=None, enabled=True).values_list("pk", flat=True):
        _guarded(schedule_rewind, schedule_id=pk)
    for pk in list(schedules_to_serve(timezone.now()).values_list("pk", flat=True)):
        _guarded(schedule_due, schedule_id=pk)
    for slot in slots_unsettled():
        _guarded(slot_watch, slot=slot, now=timezone.now())
    for job in StreamingJob.objects.select_related("pipeline"):
        _guarded(tables_watch, job=job, now=timezone.now())


def _guarded(step: Callable[..., None], **told: Any) -> None:
    try:
        step(**told)
    except Exception:
        logger.exception("%s %s went wrong", step.__name__, told)
