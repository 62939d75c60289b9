"""Backfills: what people ask of them, and how far they are."""

from controlplane.backfills.services.commands import (
    backfill_cancel,
    backfill_pause,
    backfill_request,
    backfill_resume,
    backfill_retry,
)
from controlplane.backfills.services.incidents import failures_mend
from controlplane.backfills.services.progress import (
    backfill_move,
    backfill_settle,
    backfill_wait,
    runs_cancel,
    slot_start,
    slots_follow,
)

__all__ = [
    "backfill_cancel",
    "backfill_move",
    "backfill_pause",
    "backfill_request",
    "backfill_resume",
    "backfill_retry",
    "backfill_settle",
    "backfill_wait",
    "failures_mend",
    "runs_cancel",
    "slot_start",
    "slots_follow",
]
