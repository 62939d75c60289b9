"""What people want of a streaming job. It is said here and brought about by the reconciler."""

from __future__ import annotations

from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import NotFound
from controlplane.core.outbox import enqueue
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.states import Desired


@transaction.atomic
def job_desire(*, pipeline: str, desired: Desired, actor: User | None = None, reason: str = "") -> StreamingJob:
    """Say what is wanted, and have it looked at now rather than at the next round. Raises NotFound."""
    job = StreamingJob.objects.select_for_update().filter(pipeline__name=pipeline).first()
    if job is None:
        raise NotFound(f"there is no pipeline {pipeline}")
    before, job.desired = job.desired, desired
    job.attempts, job.next_attempt_at, job.drain_asked_at = 0, None, None
    job.save(update_fields=["desired", "attempts", "next_attempt_at", "drain_asked_at"])
    audit_record(
        actor=actor,
        action=f"streaming_job.{'start' if desired == Desired.RUNNING else 'drain'}",
        object=f"pipeline/{pipeline}/streaming-job",
        before={"desired": before},
        after={"desired": desired},
        reason=reason,
    )
    enqueue(task="penstock.reconcile")
    return job
