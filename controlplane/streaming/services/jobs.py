"""What is observed of a streaming job. One function moves its state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from controlplane.alerts.services import incident_open
from controlplane.alerts.states import IncidentKind
from controlplane.core.errors import IllegalMove
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob, StreamingJobMove
from controlplane.streaming.states import ALIVE, MOVES, Observed
from spark_jobs.contracts import DriverReport, DriverState

REPORTED = {
    DriverState.STARTING: Observed.LAUNCHING,
    DriverState.RUNNING: Observed.RUNNING,
    DriverState.DRAINING: Observed.DRAINING,
    DriverState.STOPPED: Observed.STOPPED,
    DriverState.FAILED: Observed.FAILED,
}


@transaction.atomic
def job_move(*, job: StreamingJob, to: Observed, reason: str = "", **changes: Any) -> bool:
    """Move the observed state, and change other columns with it. False when somebody else moved it first.

    Raises IllegalMove when the present state may not be followed by `to`.
    """
    before = Observed(job.observed)
    if to not in MOVES[before]:
        raise IllegalMove(f"{job}: {before} may not become {to}")
    changes = {"observed": to, "reason": reason, **changes}
    won = StreamingJob.objects.filter(pk=job.pk, observed=before, fencing_token=job.fencing_token).update(**changes)
    if won:
        StreamingJobMove.objects.create(job=job, before=before, after=to, reason=reason)
        job.refresh_from_db()
    return bool(won)


@transaction.atomic
def job_give_up(*, job: StreamingJob, reason: str) -> None:
    """Say that a stopped job is not launched any more until somebody asks for it, and open an incident."""
    # By way of launching: that is what was tried.
    if job_move(job=job, to=Observed.LAUNCHING, reason=reason) and job_move(job=job, to=Observed.FAILED, reason=reason):
        incident_open(kind=IncidentKind.DRIVER_GIVEN_UP, object=job.path, cause=reason)


def job_ensure(*, pipeline: Pipeline) -> StreamingJob:
    """The pipeline's streaming job, following the newest version at its next launch."""
    job, _ = StreamingJob.objects.get_or_create(pipeline=pipeline)
    return job


def driver_reported(*, report: DriverReport) -> None:
    """Take a driver's word on its state. A driver of an older launch is not listened to."""
    job = StreamingJob.objects.filter(pipeline__name=report.pipeline, fencing_token=report.fencing_token).first()
    if job is None or job.run_tag != report.run_tag:
        return
    at = datetime.fromtimestamp(report.at, UTC)
    changes: dict[str, Any] = {"heartbeat_at": at, "pid": report.pid}
    told = REPORTED[DriverState(report.state)]
    if told == Observed.RUNNING:
        changes |= {"attempts": 0, "next_attempt_at": None}
    # Death is proven by the launcher, not by the dying: the process may still hold its checkpoint.
    if told in ALIVE and told != job.observed and told in MOVES[Observed(job.observed)]:
        job_move(job=job, to=told, reason=report.reason, **changes)
    else:
        if told == Observed.FAILED and report.reason:  # which a heartbeat has not
            changes["reason"] = changes["last_words"] = report.reason
        StreamingJob.objects.filter(pk=job.pk, fencing_token=report.fencing_token).update(**changes)
