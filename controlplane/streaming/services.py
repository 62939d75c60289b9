"""Changes of a streaming job. One function moves its state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import IllegalMove, NotFound
from controlplane.core.outbox import enqueue
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch, PartitionProgress, StreamingJob, StreamingJobMove
from controlplane.streaming.states import ALIVE, MOVES, Desired, Observed
from spark_jobs.contracts import BatchCommitted, DriverReport, DriverState, IngestProgress

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
        if told == Observed.FAILED:
            changes["reason"] = report.reason
        StreamingJob.objects.filter(pk=job.pk, fencing_token=report.fencing_token).update(**changes)


def batch_committed(*, pipeline: Pipeline, message: BatchCommitted) -> None:
    """Keep a batch; told again, it is replaced, but for the load that carried it."""
    batch = MicroBatch(
        pipeline=pipeline,
        query=message.query,
        generation=message.generation,
        batch=message.batch,
        table_version=message.table_version,
        rows_in=message.rows_in,
        seconds=message.seconds,
        committed_at=datetime.fromtimestamp(message.at, UTC),
        event_times=list(message.event_times),
    )
    MicroBatch.objects.bulk_create(
        [batch],
        update_conflicts=True,
        unique_fields=["pipeline", "query", "generation", "batch"],
        update_fields=["table_version", "rows_in", "seconds", "committed_at", "event_times"],
    )


def ingest_progressed(*, pipeline: Pipeline, message: IngestProgress) -> None:
    at = datetime.fromtimestamp(message.at, UTC)
    rows = [
        PartitionProgress(pipeline=pipeline, partition=int(partition), next_offset=offset, read_at=at)
        for partition, offset in message.offsets.items()
    ]
    _progress_set(rows, ["next_offset", "read_at"])


def ends_sampled(*, pipeline: Pipeline, ends: dict[int, int]) -> None:
    """Keep the broker's end offset of each partition."""
    now = timezone.now()
    rows = [
        PartitionProgress(pipeline=pipeline, partition=partition, end_offset=offset, end_at=now)
        for partition, offset in ends.items()
    ]
    _progress_set(rows, ["end_offset", "end_at"])


def _progress_set(rows: list[PartitionProgress], columns: list[str]) -> None:
    """Set these columns, whether the row is there or not, and leave the others."""
    PartitionProgress.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["pipeline", "partition"], update_fields=columns
    )
