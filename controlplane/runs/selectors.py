"""Reading runs."""

from __future__ import annotations

from datetime import date, timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from controlplane.core.errors import NotFound
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import IS_ACTIVE, Application, Attempt, LogChunk, Run, RunMove, Stage
from controlplane.runs.parameters import WITHOUT_DAYS
from controlplane.runs.states import StageName, StageState

MOVES_SHOWN = 20


def run_numbered(run_id: int, *, locked: bool = False) -> Run:
    """Raises NotFound."""
    runs = Run.objects.select_related("pipeline", "version", "requested_by")
    if locked:
        runs = runs.select_for_update(of=("self",))
    found = runs.filter(pk=run_id).first()
    if found is None:
        raise NotFound(f"there is no run {run_id}")
    return found


def active_beside(pipeline: Pipeline, kind: str, first: date | None, last: date | None) -> Run | None:
    """A run that is not over and that a run over these days must not run beside."""
    active = Run.objects.filter(IS_ACTIVE, pipeline=pipeline)
    if kind in WITHOUT_DAYS:
        return active.filter(kind=kind).first()
    return active.filter(first_day__lte=last, last_day__gte=first).first()


def runs_listed() -> QuerySet[Run]:
    """Runs with `version_number`, `requester` and `stage_states`, [{name, state}], in one query and as plain values:
    a page of rows is most of what a list costs.
    """
    stages = Stage.objects.filter(run=OuterRef("pk")).order_by("position")
    return Run.objects.select_related("pipeline").annotate(
        version_number=F("version__number"),
        requester=F("requested_by__username"),
        stage_states=ArraySubquery(stages.values(item=JSONObject(name="name", state="state"))),
    )


def run_described(run_id: int) -> Run:
    """A run with stages, their attempts, applications and `newest_moves`. Raises NotFound."""
    moves = Prefetch("moves", RunMove.objects.order_by("-pk")[:MOVES_SHOWN], to_attr="newest_moves")
    stages = Prefetch("stages", Stage.objects.prefetch_related("attempts"))
    applications = Prefetch("applications", Application.objects.order_by("number"))
    found = runs_listed().prefetch_related(moves, stages, applications).filter(pk=run_id).first()
    if found is None:
        raise NotFound(f"there is no run {run_id}")
    return found


def runs_active() -> QuerySet[Run]:
    """Oldest first: who waits longer has the turn."""
    return Run.objects.filter(IS_ACTIVE).order_by("queued_at", "pk")


def days_held(pipeline: Pipeline) -> set[date]:
    """Days of which a run has begun to make Gold that has not passed its checks, and that none has passed since then:
    what was made of them is not loaded.
    """
    gold = Attempt.objects.filter(stage__run=OuterRef("pk"), stage__name=StageName.SILVER_TO_GOLD)
    passed = Stage.objects.filter(name=StageName.QUALITY, state=StageState.SUCCEEDED)
    runs = Run.objects.filter(pipeline=pipeline, first_day__isnull=False)
    undecided = runs.annotate(made_at=Subquery(gold.order_by("-started_at").values("started_at")[:1]))
    undecided = undecided.filter(~Exists(passed.filter(run=OuterRef("pk"))), made_at__isnull=False)
    held = set()
    for run in undecided:
        since = passed.filter(run__pipeline=pipeline, ended_at__gt=run.made_at, run__last_day__gte=run.first_day)
        spans = list(since.filter(run__first_day__lte=run.last_day).values_list("run__first_day", "run__last_day"))
        days = (run.first_day + timedelta(days=number) for number in range((run.last_day - run.first_day).days + 1))
        held |= {day for day in days if not any(first <= day <= last for first, last in spans)}
    return held


def log_after(run_id: int, after: int) -> QuerySet[LogChunk]:
    """What the run's applications wrote, by the order in which it was stored, behind the chunk `after`."""
    return LogChunk.objects.filter(application__run=run_id, pk__gt=after).select_related("application").order_by("pk")


def applications_alive() -> QuerySet[Application]:
    return Application.objects.filter(~Q(state="ended"))
