"""Incidents of accounts that do not balance: those reported are looked at every half minute, recounts as they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.services import incident_amend, incident_clear, incident_tell
from controlplane.alerts.states import IncidentKind
from controlplane.ledger.models import LedgerCheck
from controlplane.ledger.selectors import Equation, Name, imbalances
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.states import Observed

KIND = IncidentKind.LEDGER_IMBALANCE
SILENT = timedelta(seconds=20)  # since the driver's last heartbeat: what it told meanwhile may be on its way
SHOWN = 5
TOTAL = "total"


@transaction.atomic
def imbalances_watch(*, pipeline: Pipeline) -> None:
    """Open an incident of each equation that two looks in a row found out of balance by as much in the same hour.

    What commits, loads and redrives tell arrives one after the other, so that one look may see half of it. Where the
    telemetry is silent nothing is known, and nothing is judged.
    """
    if _is_silent(pipeline):
        return
    check, _ = LedgerCheck.objects.select_for_update().get_or_create(pipeline=pipeline)
    found = imbalances(pipeline)
    before, check.found = check.found, {str(name): _differences(hours) for name, hours in found.items()}
    check.save()
    for name in Name:
        now = found.get(name, {})
        told = before.get(str(name), {})
        standing = {hour: item for hour, item in now.items() if told.get(_key(hour)) == item.difference}
        if standing:
            _tell(_path(pipeline, name), pipeline, _sentences(name, standing))
        elif not now:
            incident_clear(kind=KIND, object=_path(pipeline, name), resolution=f"{name} holds again")


def recount_tell(*, pipeline: Pipeline, result: dict[str, Any]) -> None:
    """Open the incident of what a recount found wrong; a later one that finds nothing clears it."""
    path = f"pipeline/{pipeline.name}/ledger/recount"
    problems = result["problems"]
    if not problems and result["balanced"]:
        incident_clear(kind=KIND, object=path, resolution="a recount found nothing wrong")
        return
    broken = [f"{item['name']} does not hold" for item in result["equations"] if not item["holds"]]
    _tell(path, pipeline, "; ".join((problems or broken)[:SHOWN]) + _more(len(problems)))


def _tell(path: str, pipeline: Pipeline, cause: str) -> None:
    """The cause of an open incident follows what is found: hours come and go."""
    if incidents_open().filter(kind=KIND, object=path).exists():
        incident_amend(kind=KIND, object=path, cause=cause)
    else:
        subject = f"{pipeline.name}: the accounts do not balance"
        incident_tell(kind=KIND, object=path, cause=cause, subject=subject)


def _is_silent(pipeline: Pipeline) -> bool:
    """A driver that is there and was not heard of lately, or one that is being launched."""
    job = StreamingJob.objects.filter(pipeline=pipeline).first()
    if job is None or job.observed in (Observed.STOPPED, Observed.FAILED):
        return False
    return job.heartbeat_at is None or timezone.now() - job.heartbeat_at > SILENT


def _path(pipeline: Pipeline, name: Name) -> str:
    return f"pipeline/{pipeline.name}/ledger/{name.name.lower()}"


def _differences(hours: dict[int | None, Equation]) -> dict[str, int]:
    return {_key(hour): item.difference for hour, item in hours.items()}


def _key(hour: int | None) -> str:
    return TOTAL if hour is None else str(hour)


def _sentences(name: Name, standing: dict[int | None, Equation]) -> str:
    """Where, which side, and by how much: the newest hours first."""
    ordered = sorted(standing.items(), key=lambda item: -(item[0] or 0))
    parts = [f"{_interval(hour)} {item.sentence()}" for hour, item in ordered[:SHOWN]]
    return f"{name} does not hold: {'; '.join(parts)}{_more(len(standing))}"


def _interval(hour: int | None) -> str:
    if hour is None:
        return "in total"
    start = datetime.fromtimestamp(hour, UTC)
    return f"{start:%Y-%m-%d %H:00} to {start + timedelta(hours=1):%H:00} UTC:"


def _more(count: int) -> str:
    return f"; and {count - SHOWN} more" if count > SHOWN else ""
