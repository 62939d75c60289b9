"""Reading schedules, their slots, and how fresh tables are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from controlplane.core.errors import NotFound
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from controlplane.runs.states import ACTIVE
from controlplane.schedules.models import Schedule, Slot, TableFreshness
from controlplane.schedules.states import FreshTable, SlotState
from controlplane.streaming.selectors import committed_last
from controlplane.warehouse.selectors import loaded_last
from spark_jobs.contracts import Query

USUAL_MINUTES = 30
WRITTEN_BY = {FreshTable.BRONZE: Query.INGEST, FreshTable.SILVER: Query.REFINE, FreshTable.GOLD: Query.AGGREGATE}


def schedules_of(pipeline: Pipeline) -> QuerySet[Schedule]:
    return Schedule.objects.filter(pipeline=pipeline, deleted_at=None)


def schedule_named(pipeline: str, name: str, *, locked: bool = False) -> Schedule:
    """Raises NotFound."""
    schedules = schedules_of(pipeline_named(pipeline)).select_related("pipeline")
    if locked:
        schedules = schedules.select_for_update(of=("self",))
    found = schedules.filter(name=name).first()
    if found is None:
        raise NotFound(f"{pipeline} has no schedule {name}")
    return found


def schedules_to_serve(now: datetime) -> QuerySet[Schedule]:
    """Schedules of which a due time has come, or waits to be served."""
    live = Schedule.objects.filter(deleted_at=None, enabled=True)
    waiting = Slot.objects.filter(state=SlotState.DUE).values("schedule")
    return live.filter(Q(next_due_at__lte=now) | Q(pk__in=waiting)).order_by("next_due_at", "pk")


def schedule_is_busy(schedule: Schedule) -> bool:
    """Whether the run of an earlier slot is not over."""
    return bool(Slot.objects.filter(schedule=schedule, run__state__in=ACTIVE).exists())


def slots_unsettled() -> QuerySet[Slot]:
    """Slots that wait for a run, or whose run was not seen over, the earliest first."""
    awaited = Q(state__in=[SlotState.DUE, SlotState.REQUESTED], settled_at=None)
    return Slot.objects.filter(awaited).select_related("schedule__pipeline", "run").order_by("due_at", "pk")


@dataclass(frozen=True)
class Freshness:
    """A table, what its newest commit may be in minutes, and when that was; None where none was told of."""

    table: str
    limit_minutes: int
    committed_at: datetime | None

    def age_minutes(self, now: datetime) -> float | None:
        return None if self.committed_at is None else (now - self.committed_at).total_seconds() / 60


def freshness_of(pipeline: Pipeline) -> list[Freshness]:
    """Every table that has to be fresh, in the order in which readings pass them."""
    told = dict(TableFreshness.objects.filter(pipeline=pipeline).values_list("table", "limit_minutes"))
    commits = {str(table): committed_last(pipeline, query) for table, query in WRITTEN_BY.items()}
    commits[str(FreshTable.WAREHOUSE)] = loaded_last(pipeline)
    return [Freshness(table, told.get(table, USUAL_MINUTES), commits[table]) for table in commits]
