"""The pipeline's streaming job runs, or is started."""

from __future__ import annotations

from django.utils import timezone

from controlplane.runs.models import Run, Stage
from controlplane.streaming.broker import TopicUnreadable
from controlplane.streaming.selectors import job_of
from controlplane.streaming.services import job_start
from controlplane.streaming.states import Desired, Observed
from pipeline_workers.runs.steps import Done, Failed, Step, Waiting


def ensure_stream(run: Run, stage: Stage) -> Step:
    """One that is not wanted to run is started; one that was given up needs a person. Raises NotSafe."""
    job = job_of(run.pipeline.name)
    known = {"desired": job.desired, "observed": job.observed}
    if run.parameters["stream"] == "leave":
        return Done(detail=known)
    if job.desired == Desired.RUNNING and job.observed == Observed.RUNNING:
        return Done(detail={**known, "started": stage.detail.get("started", False)})
    if job.desired == Desired.RUNNING and job.observed == Observed.FAILED:
        return Failed(f"the streaming job was given up: {job.reason}; mend that and start it, then retry the run")
    waited = (timezone.now() - stage.started_at).total_seconds() / 60 if stage.started_at else 0.0
    if waited > run.parameters["wait_minutes"]:
        return Failed(f"the streaming job is {job.observed} after {waited:.0f} min: {job.reason or 'no reason told'}")
    if job.desired != Desired.RUNNING:
        try:
            job_start(pipeline=run.pipeline.name, actor=None, reason=f"{run} needs it")
        except TopicUnreadable as error:
            return Waiting(str(error))
        return Waiting("the streaming job starts", detail={"started": True})
    return Waiting(f"the streaming job is {job.observed}")
