"""Writing schedules: what people say of them, what becomes of their due times, and what is too late."""

from controlplane.schedules.services.commands import (
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_plan,
    schedule_run,
    schedule_switch,
    schedules_ensure,
)
from controlplane.schedules.services.freshness import freshness_set, tables_watch
from controlplane.schedules.services.slots import schedule_due, schedule_rewind
from controlplane.schedules.services.watching import slot_watch

__all__ = [
    "freshness_set",
    "schedule_change",
    "schedule_create",
    "schedule_delete",
    "schedule_due",
    "schedule_plan",
    "schedule_rewind",
    "schedule_run",
    "schedule_switch",
    "schedules_ensure",
    "slot_watch",
    "tables_watch",
]
