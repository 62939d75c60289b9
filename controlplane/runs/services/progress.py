"""How far a run is. One function moves a run, one a stage. All are called with the run's row locked."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from controlplane.core.errors import IllegalMove
from controlplane.core.outbox import enqueue
from controlplane.pipelines.models import PipelineVersion
from controlplane.runs.models import Attempt, Run, RunMove, Stage
from controlplane.runs.states import ENDED, MOVES, STAGE_MOVES, RunState, StageState

ENDED_TASK = "penstock.run_ended"


@transaction.atomic
def run_move(*, run: Run, to: str, reason: str = "", **changes: Any) -> None:
    """Move a run's state, and change other columns with it. Raises IllegalMove.

    When the run is over, whoever waits for that is told by a task.
    """
    before = run.state
    if to not in MOVES[before]:
        raise IllegalMove(f"{run}: {before} may not become {to}")
    if not Run.objects.filter(pk=run.pk, state=before).update(state=to, waiting="", **changes):
        raise IllegalMove(f"{run} was moved by somebody else")
    RunMove.objects.create(run=run, before=before, after=to, reason=reason)
    run.refresh_from_db()
    if to in ENDED:
        enqueue(task=ENDED_TASK, run_id=run.pk)


def run_start(*, run: Run, version: PipelineVersion) -> None:
    """Begin, with the version that the run keeps to, whatever is configured meanwhile."""
    started = {"started_at": run.started_at or timezone.now(), "version": run.version or version}
    run_move(run=run, to=RunState.RUNNING, **started)


def run_end(*, run: Run, to: str, cause: str = "") -> None:
    run_move(run=run, to=to, reason=cause, cause=cause, ended_at=timezone.now())


def run_wait(*, run: Run, waiting: str) -> None:
    """Say what the run waits for; empty when for nothing."""
    if run.waiting != waiting[:500]:
        run.waiting = waiting[:500]
        run.save(update_fields=["waiting"])


@transaction.atomic
def stage_start(*, stage: Stage, at: Any = None) -> None:
    """Begin a stage, and the next of its attempts."""
    _stage_move(stage, StageState.RUNNING, started_at=at or timezone.now(), ended_at=None, cause="", detail={})
    last = stage.attempts.aggregate(last=Max("number"))["last"] or 0
    Attempt.objects.create(stage=stage, number=last + 1, started_at=stage.started_at)


@transaction.atomic
def stage_again(*, stage: Stage) -> None:
    """Have a stage that has failed done once more."""
    _stage_move(stage, StageState.PENDING)


def stage_tell(*, stage: Stage, **figures: Any) -> None:
    """Keep figures of a stage that runs: rows_in, rows_out, detail, started_at."""
    changed = {name: value for name, value in figures.items() if getattr(stage, name) != value}
    if changed:
        _both(stage, **changed)


@transaction.atomic
def stage_condense(*, stage: Stage, detail: dict[str, Any]) -> None:
    """Keep this instead of all that a stage that is over has told of itself, when that is kept elsewhere."""
    Stage.objects.filter(pk=stage.pk).update(detail=detail)
    newest = stage.attempts.last()
    if newest is not None:
        Attempt.objects.filter(pk=newest.pk).update(detail=detail)
    stage.refresh_from_db()


@transaction.atomic
def stage_end(*, stage: Stage, to: str, cause: str = "", at: Any = None, **figures: Any) -> None:
    """End a stage and its attempt."""
    _stage_move(stage, to, ended_at=at or timezone.now(), cause=cause, **figures)
    newest = stage.attempts.last()
    if newest is not None:
        told = {"state": stage.state, "ended_at": stage.ended_at, "cause": cause, **figures}
        Attempt.objects.filter(pk=newest.pk, ended_at=None).update(**told)


@transaction.atomic
def stages_open_cancel(*, run: Run, cause: str) -> None:
    """What has not ended does not any more."""
    for stage in run.stages.filter(state=StageState.RUNNING):
        stage_end(stage=stage, to=StageState.CANCELLED, cause=cause)
    for stage in run.stages.filter(state=StageState.PENDING):
        _stage_move(stage, StageState.CANCELLED)


def _stage_move(stage: Stage, to: str, **changes: Any) -> None:
    before = stage.state
    if to not in STAGE_MOVES[before]:
        raise IllegalMove(f"{stage}: {before} may not become {to}")
    if not Stage.objects.filter(pk=stage.pk, state=before).update(state=to, **changes):
        raise IllegalMove(f"{stage} was moved by somebody else")
    stage.refresh_from_db()


def _both(stage: Stage, **changes: Any) -> None:
    """The stage and its newest attempt, which is the one that runs."""
    Stage.objects.filter(pk=stage.pk).update(**changes)
    Attempt.objects.filter(stage=stage, ended_at=None).update(**changes)
    stage.refresh_from_db()
