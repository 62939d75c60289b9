"""Reading streaming jobs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Prefetch

from controlplane.core.errors import NotFound
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import version_numbered
from controlplane.streaming.broker import topic_read
from controlplane.streaming.checkpoint import Checkpoint, checkpoint_read
from controlplane.streaming.models import MicroBatch, StreamingJob, StreamingJobMove
from controlplane.streaming.preflight import Preflight, preflight
from spark_jobs.contracts import Query

MOVES_SHOWN = 20


def job_of(pipeline: str) -> StreamingJob:
    """The streaming job of a pipeline, with `newest_moves`. Raises NotFound."""
    moves = Prefetch("moves", StreamingJobMove.objects.order_by("-pk")[:MOVES_SHOWN], to_attr="newest_moves")
    jobs = StreamingJob.objects.select_related("version", "pipeline").prefetch_related(moves)
    job = jobs.filter(pipeline__name=pipeline).first()
    if job is None:
        raise NotFound(f"there is no pipeline {pipeline}")
    return job


def committed_last(pipeline: Pipeline, query: str) -> datetime | None:
    """When a query has committed its newest batch, by its driver's word."""
    batches = MicroBatch.objects.filter(pipeline=pipeline, query=query).order_by("-committed_at")
    return batches.values_list("committed_at", flat=True).first()


def checkpoint_folder(job: StreamingJob) -> Path:
    """Where the checkpoint of the job's generation is."""
    return Path(settings.PENSTOCK["checkpoints"]) / job.pipeline.name / str(job.generation)


def checkpoint_of(job: StreamingJob) -> Checkpoint:
    return checkpoint_read(checkpoint_folder(job), job.pipeline.topic)


def offsets_reported(pipeline: Pipeline) -> dict[int, int]:
    """How far ingest has told to have read each partition."""
    return dict(pipeline.partitions.filter(next_offset__isnull=False).values_list("partition", "next_offset"))


def batches_reported(job: StreamingJob) -> dict[str, int]:
    """The newest batch that each query has told of in the job's generation."""
    told = MicroBatch.objects.filter(pipeline=job.pipeline, generation=job.generation).order_by("-batch")
    newest = {str(query): told.filter(query=query).values_list("batch", flat=True).first() for query in Query}
    return {query: batch for query, batch in newest.items() if batch is not None}


def job_preflight(pipeline: str, version: int | None = None) -> Preflight:
    """Whether the job may be restarted with a version, the newest unless told. Raises NotFound and TopicUnreadable."""
    job = job_of(pipeline)
    wanted = version_numbered(job.pipeline, version)
    return preflight(
        running=(job.version or wanted).configuration,
        wanted=wanted.configuration,
        checkpoint=checkpoint_of(job),
        reported=offsets_reported(job.pipeline),
        committed=batches_reported(job),
        topic=topic_read(job.pipeline.topic),
    )
