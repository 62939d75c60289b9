"""How old the newest commit of a table may be, and incidents of those that are older."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.services import incident_clear, incident_tell
from controlplane.alerts.states import IncidentKind
from controlplane.core.errors import Invalid
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from controlplane.schedules.models import TableFreshness
from controlplane.schedules.selectors import Freshness, freshness_of
from controlplane.schedules.states import FreshTable
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.states import Desired, Observed

MOST_MINUTES = 43_200
STARTING = timedelta(minutes=2)  # from a launch to the first commits


@transaction.atomic
def freshness_set(*, pipeline: str, limits: Mapping[str, int], actor: User | None, reason: str = "") -> None:
    """Say how old tables may be, in minutes; one that is not named may be as old as is usual.

    Raises NotFound and Invalid.
    """
    found = pipeline_named(pipeline)
    errors = {
        f"limits.{table[:100]}": [f"a whole number of minutes from 1 to {MOST_MINUTES}, of one of these tables"]
        for table, minutes in limits.items()
        if table not in FreshTable.values or isinstance(minutes, bool) or not 1 <= minutes <= MOST_MINUTES
    }
    if errors:
        raise Invalid("some limits are not right", errors)
    Pipeline.objects.select_for_update(no_key=True).get(pk=found.pk)
    before = dict(TableFreshness.objects.filter(pipeline=found).values_list("table", "limit_minutes"))
    if before == dict(limits):
        return
    TableFreshness.objects.filter(pipeline=found).exclude(table__in=limits).delete()
    for table, minutes in limits.items():
        TableFreshness.objects.update_or_create(pipeline=found, table=table, defaults={"limit_minutes": minutes})
    audit_record(
        actor=actor,
        action="freshness.changed",
        object=f"pipeline/{pipeline}/freshness",
        before=before,
        after=dict(limits),
        reason=reason,
    )


@transaction.atomic
def tables_watch(*, job: StreamingJob, now: datetime) -> None:
    """Open and clear the incidents of stale tables; those of a job that is not wanted to run are nobody's concern."""
    under = f"pipeline/{job.pipeline.name}/table/"
    is_open = set(incidents_open(under).filter(kind=IncidentKind.TABLE_STALE).values_list("object", flat=True))
    if job.desired != Desired.RUNNING:
        for path in is_open:
            _clear(path, "the streaming job is not wanted to run any more")
        return
    for item in freshness_of(job.pipeline):
        path = f"{under}{item.table}"
        if (words := _stale(item, job, now)) is None:
            if path in is_open:
                _clear(path, f"{item.table} is fresh again")
        elif path not in is_open and not _is_starting(job, now):
            subject = f"{job.pipeline.name}: {item.table} is stale"
            incident_tell(kind=IncidentKind.TABLE_STALE, object=path, cause=words, subject=subject)


def _stale(item: Freshness, job: StreamingJob, now: datetime) -> str | None:
    """What is wrong with a table's age. One that was never committed is as old as the driver's launch."""
    since = item.committed_at or job.launched_at
    if since is None or now - since <= timedelta(minutes=item.limit_minutes):
        return None
    age = f"{(now - since).total_seconds() / 60:.0f} min"
    known = item.committed_at is not None
    told = f"the newest commit of {item.table} is {age} old" if known else f"{item.table} has no commit yet for {age}"
    return f"{told}; {item.limit_minutes} min are allowed"


def _is_starting(job: StreamingJob, now: datetime) -> bool:
    """What was stopped for long is stale when it is started, and not for that reason an incident."""
    if job.observed == Observed.LAUNCHING and job.launched_at is None:
        return True
    return job.launched_at is not None and now - job.launched_at < STARTING


def _clear(path: str, resolution: str) -> None:
    incident_clear(kind=IncidentKind.TABLE_STALE, object=path, resolution=resolution)
