"""Reading backfills, and what one would come to."""

from controlplane.backfills.selectors.backfills import (
    SLOTS_OF,
    active_over,
    backfill_described,
    backfill_numbered,
    backfills_active,
    backfills_listed,
)
from controlplane.backfills.selectors.preview import backfill_preview, conflicts, days_wanted

__all__ = [
    "SLOTS_OF",
    "active_over",
    "backfill_described",
    "backfill_numbered",
    "backfill_preview",
    "backfills_active",
    "backfills_listed",
    "conflicts",
    "days_wanted",
]
