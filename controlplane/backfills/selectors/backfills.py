"""Backfills as they stand."""

from __future__ import annotations

from datetime import date

from django.db.models import Count, IntegerField, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from controlplane.backfills.models import IS_ACTIVE, Backfill, BackfillMove, Slot
from controlplane.backfills.states import SlotState
from controlplane.core.errors import NotFound
from controlplane.pipelines.models import Pipeline

MOVES_SHOWN = 20
SLOTS_OF = {state: f"slots_{state}" for state in SlotState.values}  # the count of slots of each state, as it is named


def backfill_numbered(backfill_id: int, *, locked: bool = False) -> Backfill:
    """Raises NotFound."""
    backfills = Backfill.objects.select_related("pipeline", "requested_by")
    if locked:
        backfills = backfills.select_for_update(of=("self",))
    found = backfills.filter(pk=backfill_id).first()
    if found is None:
        raise NotFound(f"there is no backfill {backfill_id}")
    return found


def backfills_listed() -> QuerySet[Backfill]:
    """Backfills with `slots_pending` and so on, the counts of their slots by state: one query."""
    counts = {name: Coalesce(Subquery(_counted(state)), 0) for state, name in SLOTS_OF.items()}
    return Backfill.objects.select_related("pipeline", "requested_by").annotate(**counts)


def backfill_described(backfill_id: int) -> Backfill:
    """A backfill with the counts, every slot with its run, and `newest_moves`. Raises NotFound."""
    moves = Prefetch("moves", BackfillMove.objects.order_by("-pk")[:MOVES_SHOWN], to_attr="newest_moves")
    slots = Prefetch("slots", Slot.objects.select_related("run"))
    found = backfills_listed().prefetch_related(moves, slots).filter(pk=backfill_id).first()
    if found is None:
        raise NotFound(f"there is no backfill {backfill_id}")
    return found


def backfills_active() -> QuerySet[Backfill]:
    """Oldest first."""
    return Backfill.objects.filter(IS_ACTIVE).order_by("pk")


def active_over(pipeline: Pipeline, first: date, last: date) -> QuerySet[Backfill]:
    """Backfills that are not over and have a day of these within their range."""
    return backfills_active().filter(pipeline=pipeline, first_day__lte=last, last_day__gte=first)


def _counted(state: str) -> QuerySet[Slot]:
    of_it = Slot.objects.filter(backfill=OuterRef("pk"), state=state).order_by().values("backfill")
    return of_it.annotate(count=Count("pk", output_field=IntegerField())).values("count")
