"""What follows the end of a run: whoever waits for it goes on, and a failure is an incident that people are told of."""

from __future__ import annotations

from django.db import transaction

from controlplane.alerts.services import incident_clear, incident_open, notification_make
from controlplane.alerts.states import IncidentKind
from controlplane.core.errors import NotFound
from controlplane.runs.models import Run
from controlplane.runs.selectors import run_numbered
from controlplane.runs.states import RunKind, RunState


def ended(run_id: int) -> None:
    """Called at least once when a run is over; what it does twice it does once."""
    try:
        run = run_numbered(run_id)
    except NotFound:
        return
    if run.kind == RunKind.BACKFILL:
        return  # its backfill tells of all its days at once
    with transaction.atomic():
        if run.state == RunState.FAILED:
            _failed(run)
        elif run.state == RunState.SUCCEEDED:
            incident_clear(kind=IncidentKind.RUN_FAILED, object=_object(run), resolution=f"{run} succeeded")


def _failed(run: Run) -> None:
    if incident_open(kind=IncidentKind.RUN_FAILED, object=_object(run), cause=f"{run}: {run.cause}"):
        days = f" of {run.first_day} to {run.last_day}" if run.first_day else ""
        notification_make(
            subject=f"{run.pipeline.name}: {run} failed",
            text=f"The {run.kind} run {run.pk}{days} failed: {run.cause}\nLook: penstock runs show {run.pk}",
        )


def _object(run: Run) -> str:
    """Runs of a kind over the same days are one object: a later one that succeeds mends what an earlier one left."""
    days = f"/{run.first_day}/{run.last_day}" if run.first_day else ""
    return f"pipeline/{run.pipeline.name}/runs/{run.kind}{days}"
