"""How far a job is, as its driver and the broker tell it."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone

from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch, PartitionProgress
from spark_jobs.contracts import BatchCommitted, IngestProgress


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
