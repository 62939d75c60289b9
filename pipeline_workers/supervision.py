"""Looks at every streaming job for whether it gets on: a driver may live, beat and do nothing."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from controlplane.ledger.selectors import absorbed_waiting, accounts
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.selectors import committed_last
from controlplane.streaming.services import job_watch
from controlplane.streaming.stalls import Seen
from controlplane.telemetry.selectors import lag
from spark_jobs.contracts import Query


def watch_all() -> None:
    """One round over every job. A job that another round holds is left to it."""
    for pk in StreamingJob.objects.values_list("pk", flat=True):
        with transaction.atomic():
            jobs = StreamingJob.objects.select_for_update(of=("self",), skip_locked=True)
            job = jobs.select_related("pipeline", "version").filter(pk=pk).first()
            if job is not None:
                job_watch(job=job, seen=seen(job.pipeline), now=timezone.now())


def seen(pipeline: Pipeline) -> dict[str, Seen]:
    """What waits for each query and when it committed last, by what was reported."""
    pending = accounts(pipeline.name)["pending"]
    waiting = {
        Query.INGEST: lag(pipeline)["total"],
        Query.REFINE: pending["bronze"],
        Query.AGGREGATE: pending["silver"] - absorbed_waiting(pipeline),
    }
    return {str(query): Seen(count, committed_last(pipeline, query)) for query, count in waiting.items()}
