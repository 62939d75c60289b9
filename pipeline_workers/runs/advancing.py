"""A run's way from queued to over. Any worker may take it on at any time, and any number of times."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from controlplane.core.errors import DomainError
from controlplane.pipelines.services import version_ensure
from controlplane.runs.models import Run, Stage
from controlplane.runs.selectors import runs_active
from controlplane.runs.services import (
    run_end,
    run_start,
    run_wait,
    stage_again,
    stage_end,
    stage_start,
    stage_tell,
    stages_open_cancel,
)
from controlplane.runs.states import ACTIVE, IN_APPLICATION, RunState, StageName, StageState
from pipeline_workers.runs.applications import Applications
from pipeline_workers.runs.stages.freshness import freshness
from pipeline_workers.runs.stages.load import load
from pipeline_workers.runs.stages.prune import prune
from pipeline_workers.runs.stages.quality import quality
from pipeline_workers.runs.stages.stream import ensure_stream
from pipeline_workers.runs.steps import Again, Done, Failed, Look, Step, Waiting

logger = logging.getLogger(__name__)
TURNS = 0x50454E  # the first key of the advisory locks
BY_WORKER: dict[str, Look] = {
    StageName.ENSURE_STREAM: ensure_stream,
    StageName.FRESHNESS: freshness,
    StageName.QUALITY: quality,
    StageName.LOAD: load,
    StageName.PRUNE: prune,
}


def advance_all(applications: Applications | None = None) -> None:
    """One round over every run that is not over, the oldest first. What one trips over does not hold up the others."""
    for pk in list(runs_active().values_list("pk", flat=True)):
        try:
            advance(pk, applications)
        except Exception:
            logger.exception("run %s could not be advanced", pk)


def advance(run_id: int, applications: Applications | None = None) -> None:
    """Bring a run as far as it gets without waiting. One whose turn another worker has is left to it."""
    using = applications or Applications()
    with _turn(run_id) as mine:
        while mine and _step(run_id, using):
            pass


@contextmanager
def _turn(run_id: int) -> Iterator[bool]:
    """Whether this worker alone looks after the run now. The lock dies with the worker's connection."""
    key = (TURNS, run_id % 2**31)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        (mine,) = cursor.fetchone()
    try:
        yield bool(mine)
    finally:
        if mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _step(run_id: int, applications: Applications) -> bool:
    """One step; whether another may follow at once.

    The look at a stage is taken without a lock on the run, for it may take seconds in which somebody cancels.
    """
    with transaction.atomic():
        run = _locked(run_id)
        if run is None:
            return False
        if run.state == RunState.CANCELLING:
            return _cancel(run, applications)
        if run.state == RunState.QUEUED:
            run_start(run=run, version=version_ensure(pipeline=run.pipeline))
        stage = run.stages.exclude(state=StageState.SUCCEEDED).first()
        if stage is None:
            run_end(run=run, to=RunState.SUCCEEDED)
            return False
        by_application = stage.name in IN_APPLICATION
        if stage.state == StageState.PENDING:
            if by_application and (words := applications.request(run)) is not None:
                run_wait(run=run, waiting=words)
                return False
            stage_start(stage=stage)
    look = applications.look if by_application else BY_WORKER[stage.name]
    try:
        step = look(run, stage)
    except DomainError as error:
        step = Failed(str(error))
    except Exception as error:
        logger.exception("%s failed", stage)
        step = Failed((str(error).splitlines() or [type(error).__name__])[0][:500])
    with transaction.atomic():
        return _take(run_id, stage, step)


def _take(run_id: int, looked_at: Stage, step: Step) -> bool:
    """Keep what the look at a stage came to, unless the run was moved meanwhile."""
    run = _locked(run_id)
    stage = Stage.objects.select_related("run").get(pk=looked_at.pk)
    if run is None or run.state != RunState.RUNNING or stage.state != StageState.RUNNING:
        return run is not None and run.state == RunState.CANCELLING
    match step:
        case Waiting(words, detail):
            run_wait(run=run, waiting=words)
            if detail is not None:
                stage_tell(stage=stage, detail=detail)
            return False
        case Done(rows_in, rows_out, detail, began, ended):
            figures = {"rows_in": rows_in, "rows_out": rows_out, "detail": detail}
            stage_tell(stage=stage, **figures, started_at=began or stage.started_at)
            stage_end(stage=stage, to=StageState.SUCCEEDED, at=ended)
            run_wait(run=run, waiting="")
        case Again(cause):
            stage_end(stage=stage, to=StageState.FAILED, cause=cause)
            stage_again(stage=stage)
        case Failed(cause):
            stage_end(stage=stage, to=StageState.FAILED, cause=cause)
            run_end(run=run, to=RunState.FAILED, cause=f"{stage.get_name_display().lower()}: {cause}")
            return False
    return True


def _cancel(run: Run, applications: Applications) -> bool:
    """End what runs for the run; over is it when that is proven dead."""
    if (words := applications.end(run, timezone.now())) is not None:
        run_wait(run=run, waiting=words)
        return False
    stages_open_cancel(run=run, cause=run.cause)
    run_end(run=run, to=RunState.CANCELLED, cause=run.cause)
    return False


def _locked(run_id: int) -> Run | None:
    runs = Run.objects.select_for_update(of=("self",)).select_related("pipeline", "version")
    return runs.filter(pk=run_id, state__in=ACTIVE).first()
