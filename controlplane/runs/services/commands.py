"""What people and schedules ask of runs. It is noted here and brought about by the workers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import DomainError, IllegalMove, Invalid
from controlplane.core.outbox import enqueue
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from controlplane.runs.models import Run, Stage
from controlplane.runs.parameters import days_checked, parameters_checked
from controlplane.runs.selectors import active_beside, run_numbered
from controlplane.runs.services.progress import run_move
from controlplane.runs.states import DECIDES_BY, ENDED, RETRIED, STAGES, RunKind, RunState, StageState

ADVANCE = "penstock.advance_run"


class Overlapping(DomainError):
    """Another run that is not over works on the same days."""


@transaction.atomic
def run_request(
    *,
    pipeline: str,
    kind: str,
    first_day: date | None = None,
    last_day: date | None = None,
    parameters: Mapping[str, Any] | None = None,
    trigger: str = "person",
    actor: User | None = None,
    reason: str = "",
    rerun_of: Run | None = None,
) -> Run:
    """A new run, queued, and a worker told of it. Raises NotFound, Invalid and Overlapping."""
    told = parameters_checked(kind, parameters or {})
    now = timezone.now()
    first_day, last_day = days_checked(kind, first_day, last_day, now.date())
    found = pipeline_named(pipeline)
    # Two who ask at once are told apart here, before the constraint has to.
    Pipeline.objects.select_for_update(no_key=True).get(pk=found.pk)
    if (other := active_beside(found, kind, first_day, last_day)) is not None:
        raise _overlapping(other)
    run = Run.objects.create(
        pipeline=found,
        kind=kind,
        first_day=first_day,
        last_day=last_day,
        parameters=told,
        trigger=trigger,
        reason=reason,
        requested_by=actor,
        rerun_of=rerun_of,
        queued_at=now,
    )
    Stage.objects.bulk_create(
        Stage(run=run, position=position, name=name) for position, name in enumerate(STAGES[RunKind(kind)], start=1)
    )
    told_days = {"first_day": first_day and first_day.isoformat(), "last_day": last_day and last_day.isoformat()}
    after = {"kind": kind, **told_days, "parameters": told, "trigger": trigger}
    audit_record(actor=actor, action="run.requested", object=run.path, after=after, reason=reason)
    enqueue(task=ADVANCE, run_id=run.pk)
    return run


def run_plan(
    *,
    pipeline: str,
    kind: str,
    first_day: date | None = None,
    last_day: date | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What `run_request` would make, and what hinders it as things are. Raises NotFound and Invalid."""
    told = parameters_checked(kind, parameters or {})
    first_day, last_day = days_checked(kind, first_day, last_day, timezone.now().date())
    other = active_beside(pipeline_named(pipeline), kind, first_day, last_day)
    return {
        "kind": kind,
        "first_day": first_day,
        "last_day": last_day,
        "parameters": told,
        "stages": list(STAGES[RunKind(kind)]),
        "hindered_by": other and str(_overlapping(other)),
    }


@transaction.atomic
def run_cancel(*, run_id: int, actor: User | None, reason: str = "") -> Run:
    """Have a run end; what runs for it ends first. Raises NotFound, and IllegalMove where it is over already."""
    run = run_numbered(run_id, locked=True)
    if run.state == RunState.CANCELLING:
        raise IllegalMove(f"{run} is being cancelled already")
    if run.state in ENDED:
        raise IllegalMove(f"{run} is over: it has {run.state}")
    before = run.state
    to = RunState.CANCELLED if before == RunState.QUEUED else RunState.CANCELLING
    words = "cancelled" + (f": {reason}" if reason else "")
    run_move(run=run, to=to, reason=words, cause=words, **({"ended_at": timezone.now()} if to in ENDED else {}))
    if to in ENDED:
        run.stages.filter(state=StageState.PENDING).update(state=StageState.CANCELLED)
    _told(run, "run.cancelled", before, actor, reason)
    return run


@transaction.atomic
def run_retry(*, run_id: int, actor: User | None, reason: str = "") -> Run:
    """Take a run up again from the stage that did not succeed, or from the one that it decides by.

    Raises NotFound, IllegalMove where there is nothing to retry, and Overlapping.
    """
    run = run_numbered(run_id, locked=True)
    if run.state not in RETRIED:
        raise IllegalMove(f"{run} is {run.state}: only one that has failed or was cancelled is retried")
    Pipeline.objects.select_for_update(no_key=True).get(pk=run.pipeline_id)
    if (other := active_beside(run.pipeline, run.kind, run.first_day, run.last_day)) is not None:
        raise _overlapping(other)
    before = run.state
    open_ones = run.stages.exclude(state=StageState.SUCCEEDED)
    found = [DECIDES_BY[name] for name in open_ones.values_list("name", flat=True) if name in DECIDES_BY]
    run.stages.filter(~Q(state=StageState.SUCCEEDED) | Q(name__in=found)).update(
        state=StageState.PENDING, cause="", started_at=None, ended_at=None
    )
    again = {"retries": run.retries + 1, "cause": "", "ended_at": None, "queued_at": timezone.now()}
    run_move(run=run, to=RunState.QUEUED, reason=f"retried{f': {reason}' if reason else ''}", **again)
    _told(run, "run.retried", before, actor, reason)
    return run


def run_rerun(*, run_id: int, actor: User | None, reason: str = "") -> Run:
    """A new run with the days and parameters of one that is over. Raises NotFound, IllegalMove, Overlapping."""
    run = run_numbered(run_id)
    if run.state not in ENDED:
        raise IllegalMove(f"{run} is {run.state}: it can be run again once it is over")
    try:
        return run_request(
            pipeline=run.pipeline.name,
            kind=run.kind,
            first_day=run.first_day,
            last_day=run.last_day,
            parameters=run.parameters,
            actor=actor,
            reason=reason,
            rerun_of=run,
        )
    except Invalid as error:  # bounds may have been narrowed since
        raise IllegalMove(f"{run} cannot be run again as it was: {error}") from error


def _told(run: Run, action: str, before: str, actor: User | None, reason: str) -> None:
    audit_record(
        actor=actor,
        action=action,
        object=run.path,
        before={"state": before},
        after={"state": run.state},
        reason=reason,
    )
    enqueue(task=ADVANCE, run_id=run.pk)


def _overlapping(other: Run) -> Overlapping:
    return Overlapping(f"{other} is {other.state} and works on {_days(other)}: wait for it, or cancel it")


def _days(run: Run) -> str:
    if run.first_day is None:
        return "the lake"
    return f"{run.first_day}" if run.first_day == run.last_day else f"{run.first_day} to {run.last_day}"
