"""Days, readings and runs as backfills find them, and the ends of runs as a worker brings them about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.backfills.models import Backfill
from controlplane.backfills.services import backfill_request
from controlplane.ledger.services import entries_record
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.services import version_ensure
from controlplane.runs.models import Run
from controlplane.runs.selectors import run_numbered
from controlplane.runs.services import run_cancel, run_end, run_request, run_start, stage_end, stage_start
from controlplane.runs.states import RunState, StageState
from pipeline_workers import tasks
from spark_jobs.contracts import Entry

LONG_AGO = 40


def day(number: int) -> date:
    """The days of a range that is over, by number from 0 on."""
    return timezone.now().date() - timedelta(days=LONG_AGO - number)


def asked(days: int = 3, **wanted: Any) -> Backfill:
    """A backfill over the first days."""
    return backfill_request(pipeline="plant", first_day=day(0), last_day=day(days - 1), **wanted)


def over(run: Run, state: str = RunState.SUCCEEDED, cause: str = "") -> None:
    """The run's end and the task that follows it, as workers do both."""
    with transaction.atomic():
        _end(run_numbered(run.pk, locked=True), state, cause)
    tasks.run_ended(run.pk)


def _end(run: Run, state: str, cause: str) -> None:
    if state == RunState.CANCELLED and run.state != RunState.CANCELLING:
        run = run_cancel(run_id=run.pk, actor=None)
    if run.state == RunState.QUEUED:
        run_start(run=run, version=version_ensure(pipeline=run.pipeline))
    if not run.is_over:
        run_end(run=run, to=state, cause=cause)


def ran(number: int, state: str = RunState.SUCCEEDED, kind: str = "daily") -> Run:
    """A run over a day that is over."""
    run = run_request(pipeline="plant", kind=kind, first_day=day(number))
    over(run, state)
    return run


def timed(run: Run, *, rows: int, spark: float, whole: float, waited: float = 0) -> None:
    """As if the run had taken so many seconds, of them so many in each of Spark's stages, after waiting so long."""
    began = timezone.now() - timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(started_at=began, ended_at=began + timedelta(seconds=whole + waited))
    at = began + timedelta(seconds=waited)
    for stage in run.stages.all():
        stage_start(stage=stage, at=at)
        in_spark = stage.name in ("bronze_to_silver", "silver_to_gold")
        figures = {"rows_in": rows, "rows_out": rows} if in_spark else {}
        at += timedelta(seconds=spark if in_spark else 0)
        stage_end(stage=stage, to=StageState.SUCCEEDED, at=at, **figures)


def reported(pipeline: Pipeline, number: int, measure: str, count: int, batch: int = 1, hour: int = 5) -> None:
    """Readings of an hour of a day, as a batch of refine counts them."""
    at = (day(number).toordinal() - date(1970, 1, 1).toordinal()) * 86_400 + hour * 3600
    entries = [Entry(at, measure, count)]
    entries_record(pipeline=pipeline, query="refine", generation=1, batch=batch, entries=entries)


def states(backfill: Backfill) -> list[str]:
    """Of the slots, by position."""
    return list(backfill.slots.values_list("state", flat=True))
