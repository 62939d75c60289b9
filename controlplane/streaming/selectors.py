"""Reading streaming jobs."""

from __future__ import annotations

from django.db.models import Prefetch

from controlplane.core.errors import NotFound
from controlplane.streaming.models import StreamingJob, StreamingJobMove

MOVES_SHOWN = 20


def job_of(pipeline: str) -> StreamingJob:
    """The streaming job of a pipeline, with `newest_moves`. Raises NotFound."""
    moves = Prefetch("moves", StreamingJobMove.objects.order_by("-pk")[:MOVES_SHOWN], to_attr="newest_moves")
    jobs = StreamingJob.objects.select_related("version").prefetch_related(moves)
    job = jobs.filter(pipeline__name=pipeline).first()
    if job is None:
        raise NotFound(f"there is no pipeline {pipeline}")
    return job
