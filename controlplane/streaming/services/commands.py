"""What people want of a streaming job. It is said here and brought about by the reconciler."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import DomainError, IllegalMove, NotFound
from controlplane.core.outbox import enqueue
from controlplane.pipelines.services import version_rollback
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.preflight import Verdict
from controlplane.streaming.selectors import job_preflight
from controlplane.streaming.states import Desired, Ending

ACTIONS = {
    (Desired.RUNNING, Ending.DRAIN): "start",
    (Desired.STOPPED, Ending.DRAIN): "drain",
    (Desired.STOPPED, Ending.NOW): "stop",
}


class NotSafe(DomainError):
    """The checkpoint does not allow it, and nobody has accepted that."""


@transaction.atomic
def job_desire(
    *, pipeline: str, desired: str, ending: str = Ending.DRAIN, actor: User | None = None, reason: str = ""
) -> StreamingJob:
    """Say what is wanted, and have it looked at now rather than at the next round. Raises NotFound."""
    job = _locked(pipeline)
    before = {"desired": job.desired}
    if job.desired != desired:
        job.drain_asked_at = None
    job.desired, job.ending = desired, ending
    _say(job, ACTIONS[Desired(desired), Ending(ending)], before, {"desired": desired}, actor, reason)
    return job


def job_start(*, pipeline: str, actor: User | None, reason: str = "", accept: bool = False) -> StreamingJob:
    """Want the job to run. Raises NotFound, TopicUnreadable, and NotSafe unless that is accepted."""
    _check(pipeline, accept=accept)
    return job_desire(pipeline=pipeline, desired=Desired.RUNNING, actor=actor, reason=reason)


def job_drain(*, pipeline: str, actor: User | None, reason: str = "") -> StreamingJob:
    """Want the job to stop after its running batches. Raises NotFound."""
    return job_desire(pipeline=pipeline, desired=Desired.STOPPED, actor=actor, reason=reason)


def job_stop(*, pipeline: str, actor: User | None, reason: str = "") -> StreamingJob:
    """Want the job to stop at once; what its batches had not committed is done again later. Raises NotFound."""
    return job_desire(pipeline=pipeline, desired=Desired.STOPPED, ending=Ending.NOW, actor=actor, reason=reason)


def job_restart(*, pipeline: str, actor: User | None, reason: str = "", accept: bool = False) -> StreamingJob:
    """Have the driver drained and launched with the newest version.

    Raises NotFound, IllegalMove where the job is not wanted to run, TopicUnreadable, and NotSafe unless that is
    accepted; all of them before anything stops.
    """
    _check(pipeline, accept=accept)
    return _restart(pipeline, actor, reason)


def job_rollback(
    *, pipeline: str, version: int, actor: User | None, reason: str = "", accept: bool = False
) -> StreamingJob:
    """Make a new version with an older one's configuration, and restart the job with it where it is wanted to run.

    Raises as `job_restart` does.
    """
    _check(pipeline, version=version, accept=accept)
    with transaction.atomic():
        version_rollback(pipeline=pipeline, number=version, actor=actor, reason=reason)
        job = _locked(pipeline)
        return _restart(pipeline, actor, reason) if job.desired == Desired.RUNNING else job


@transaction.atomic
def _restart(pipeline: str, actor: User | None, reason: str) -> StreamingJob:
    job = _locked(pipeline)
    if job.desired != Desired.RUNNING:
        raise IllegalMove(f"the job of {pipeline} is not wanted to run: start it")
    # Of the launch that is there now: two who ask at once restart it once.
    job.restart_token = job.fencing_token
    told = {"fencing_token": job.fencing_token}
    _say(job, "restart", told, told, actor, reason)
    return job


def _locked(pipeline: str) -> StreamingJob:
    jobs = StreamingJob.objects.select_for_update(of=("self",)).select_related("pipeline")
    job = jobs.filter(pipeline__name=pipeline).first()
    if job is None:
        raise NotFound(f"there is no pipeline {pipeline}")
    return job


def _say(
    job: StreamingJob, action: str, before: dict[str, Any], after: dict[str, Any], actor: User | None, reason: str
) -> None:
    """Keep what was asked for; a person's word also ends the waiting after failed tries."""
    job.attempts, job.next_attempt_at = 0, None
    job.save(update_fields=["desired", "ending", "restart_token", "attempts", "next_attempt_at", "drain_asked_at"])
    audit_record(
        actor=actor, action=f"streaming_job.{action}", object=job.path, before=before, after=after, reason=reason
    )
    enqueue(task="penstock.reconcile")


def _check(pipeline: str, *, version: int | None = None, accept: bool) -> None:
    found = job_preflight(pipeline, version)
    if found.verdict != Verdict.SAFE_RESTART and not accept:
        raise NotSafe(f"not done: {found}")
