"""The source is fresh: ingest has committed a batch of late."""

from __future__ import annotations

from django.utils import timezone

from controlplane.runs.models import Run, Stage
from controlplane.streaming.selectors import committed_last
from pipeline_workers.runs.steps import Done, Failed, Step, Waiting
from spark_jobs.contracts import Query


def freshness(run: Run, stage: Stage) -> Step:
    """Where it is not, the run waits, goes on with a warning, or fails, as it was told to."""
    now, told = timezone.now(), run.parameters
    newest = committed_last(run.pipeline, Query.INGEST)
    age = (now - newest).total_seconds() / 60 if newest else None
    if age is not None and age <= told["freshness_minutes"]:
        return Done(detail={"age_minutes": round(age, 2)})
    words = "ingest has committed no batch yet" if age is None else f"the newest batch of ingest is {age:.0f} min old"
    words = f"{words}; {told['freshness_minutes']:g} min are allowed"
    if told["stale"] == "warn":
        return Done(detail={"age_minutes": age and round(age, 2), "warning": words})
    if told["stale"] == "refuse":
        return Failed(words)
    waited = (now - stage.started_at).total_seconds() / 60 if stage.started_at else 0.0
    if waited > told["wait_minutes"]:
        return Failed(f"{words}; waited {waited:.0f} min")
    return Waiting(words)
