"""Reading streaming jobs."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch

from controlplane.core.errors import NotFound
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch, StreamingJob, StreamingJobMove

MOVES_SHOWN = 20


def job_of(pipeline: str) -> StreamingJob:
    """The streaming job of a pipeline, with `newest_moves`. Raises NotFound."""
    moves = Prefetch("moves", StreamingJobMove.objects.order_by("-pk")[:MOVES_SHOWN], to_attr="newest_moves")
    jobs = StreamingJob.objects.select_related("version").prefetch_related(moves)
    job = jobs.filter(pipeline__name=pipeline).first()
    if job is None:
        raise NotFound(f"there is no pipeline {pipeline}")
    return job


def committed_last(pipeline: Pipeline, query: str) -> datetime | None:
    """When a query has committed its newest batch, by its driver's word."""
    batches = MicroBatch.objects.filter(pipeline=pipeline, query=query).order_by("-committed_at")
    return batches.values_list("committed_at", flat=True).first()
