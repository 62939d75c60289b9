"""Incidents of a job: from what its driver and the broker reported, as the workers' round sees it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.alerts.models import Incident
from controlplane.alerts.states import IncidentKind
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.services import job_desire, job_give_up
from controlplane.streaming.states import Desired, Observed
from controlplane.telemetry.selectors import figures
from controlplane.telemetry.services import ends_take, messages_take
from pipeline_workers.supervision import watch_all
from spark_jobs.contracts import BatchCommitted, Entry, IngestProgress

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def job(pipeline: Pipeline) -> StreamingJob:
    """One that runs, is heard of, and has committed a batch of each query."""
    now = timezone.now()
    StreamingJob.objects.update(
        desired=Desired.RUNNING, observed=Observed.RUNNING, version=pipeline.versions.get(), heartbeat_at=now
    )
    commit("ingest", 0, Entry(0, "kafka", 100), Entry(0, "accepted", 100))
    commit("refine", 0, Entry(0, "refined", 100), Entry(0, "kept", 100), Entry(0, "silver", 100))
    commit("aggregate", 0, Entry(0, "aggregated", 100), Entry(0, "gold", 100))
    read(100)
    ends_take(pipeline=pipeline, ends={0: 100})
    watch_all()
    return StreamingJob.objects.get()


def commit(query: str, batch: int, *entries: Entry) -> None:
    message = BatchCommitted(
        pipeline="plant", at=time.time(), query=query, generation=1, batch=batch, rows_in=1, entries=entries
    )
    messages_take(topic="telemetry", messages=[message], offsets={0: 1})


def read(offset: int) -> None:
    progress = IngestProgress(pipeline="plant", at=time.time(), generation=1, offsets={"0": offset})
    messages_take(topic="telemetry", messages=[progress], offsets={0: 1})


def later(seconds: float) -> None:
    """As if everything that was seen had been seen so much earlier."""
    job = StreamingJob.objects.get()
    marks = {query: mark | {"at": mark["at"] - seconds} for query, mark in job.marks.items()}
    StreamingJob.objects.update(marks=marks)
    for batch in job.pipeline.batches.all():
        batch.committed_at -= timedelta(seconds=seconds)
        batch.save()


def stalled() -> list[str]:
    kinds = Incident.objects.filter(cleared_at=None, kind=IncidentKind.STREAM_STALLED)
    return list(kinds.values_list("cause", flat=True))


def test_an_ingest_that_commits_nothing_while_its_lag_grows_opens_an_incident_until_it_gets_on(
    job: StreamingJob, pipeline: Pipeline
) -> None:
    ends_take(pipeline=pipeline, ends={0: 150})
    watch_all()
    later(130)
    ends_take(pipeline=pipeline, ends={0: 400})
    watch_all()
    (cause,) = stalled()
    assert cause.startswith("ingest: no batch for 130 s, while 300 readings wait")
    item = next(item for item in figures("plant")["attention"] if item["code"] == "stream_stalled")
    assert (item["severity"], item["since"]) == ("failing", Incident.objects.get().opened_at.timestamp())
    assert item["detail"] == f"{cause}; look at driver.log, then restart it"
    watch_all()
    assert len(stalled()) == 1

    commit("ingest", 1)
    watch_all()
    assert stalled() == []
    assert Incident.objects.get().resolution == "the job runs and gets on"


def test_a_refine_that_stands_still_is_named_though_ingest_gets_on(job: StreamingJob, pipeline: Pipeline) -> None:
    commit("ingest", 1, Entry(0, "kafka", 50), Entry(0, "accepted", 50))
    watch_all()
    later(130)
    commit("ingest", 2, Entry(0, "kafka", 50), Entry(0, "accepted", 50))
    watch_all()
    (cause,) = stalled()
    assert cause.startswith("refine: no batch")
    assert "ingest" not in cause


def test_a_job_that_has_nothing_to_read_for_an_hour_is_left_in_peace(job: StreamingJob) -> None:
    later(3600)
    watch_all()
    assert not Incident.objects.exists()


def test_a_driver_that_does_not_run_is_not_judged(job: StreamingJob, pipeline: Pipeline) -> None:
    ends_take(pipeline=pipeline, ends={0: 150})
    watch_all()
    later(130)
    StreamingJob.objects.update(observed=Observed.UNKNOWN)
    ends_take(pipeline=pipeline, ends={0: 400})
    watch_all()
    assert stalled() == []
    assert StreamingJob.objects.get().marks == {}


def test_what_was_given_up_is_an_incident_until_the_job_runs_and_gets_on(job: StreamingJob) -> None:
    StreamingJob.objects.update(observed=Observed.STOPPED)
    job.refresh_from_db()
    job_give_up(job=job, reason="given up after 8 tries: no room")
    assert Incident.objects.get().cause == "given up after 8 tries: no room"
    watch_all()
    assert Incident.objects.get().cleared_at is None

    StreamingJob.objects.update(observed=Observed.RUNNING)
    commit("ingest", 1, Entry(0, "kafka", 5), Entry(0, "accepted", 5))
    watch_all()
    assert Incident.objects.get().cleared_at is None, "refine has not taken in what ingest brought"
    commit("refine", 1, Entry(0, "refined", 5), Entry(0, "duplicate", 5))
    read(100)
    watch_all()
    assert Incident.objects.get().cleared_at is not None


def test_who_wants_the_job_no_more_has_its_incident_cleared(job: StreamingJob) -> None:
    StreamingJob.objects.update(observed=Observed.STOPPED)
    job.refresh_from_db()
    job_give_up(job=job, reason="given up")
    job_desire(pipeline="plant", desired=Desired.STOPPED)
    watch_all()
    assert Incident.objects.get().resolution == "the job is not wanted to run any more"
