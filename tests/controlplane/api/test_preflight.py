from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient
from django.conf import settings

from controlplane.accounts.models import AuditEntry
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import PartitionProgress, StreamingJob
from controlplane.streaming.selectors import checkpoint_folder
from controlplane.streaming.states import Desired, Observed
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
JOB = "pipelines/plant/streaming-job"


@pytest.fixture
def job(pipeline: Pipeline, topic: str) -> StreamingJob:
    """One that runs with version 1, has read 7 records of the first partition, and has a checkpoint that says so."""
    StreamingJob.objects.update(
        desired=Desired.RUNNING, observed=Observed.RUNNING, fencing_token=1, version=pipeline.versions.get()
    )
    PartitionProgress.objects.create(pipeline=pipeline, partition=0, next_offset=7)
    job = StreamingJob.objects.get()
    admin = AdminClient({"bootstrap.servers": settings.PENSTOCK["bootstrap_servers"]})
    topic_id = str(admin.describe_topics(TopicCollection([topic]))[topic].result(30).topic_id)
    write(checkpoint_folder(job) / "topic.json", json.dumps({"topic": topic, "id": topic_id}))
    write(checkpoint_folder(job) / "ingest" / "offsets" / "0", f'v1\n{{}}\n{{"{topic}": {{"0": 7, "1": 0}}}}')
    write(checkpoint_folder(job) / "ingest" / "commits" / "0", "v1\n{}")
    return job


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def spoil(job: StreamingJob) -> None:
    (checkpoint_folder(job) / "ingest" / "commits" / "0").unlink()


def configure(operator: Caller, threshold: float) -> None:
    answer = operator.post("pipelines/plant/versions", configuration={"zscore_threshold": threshold})
    assert answer.status_code == 201


def test_a_viewer_is_told_what_a_restart_would_change(viewer: Caller, operator: Caller, job: StreamingJob) -> None:
    configure(operator, 4.5)
    assert viewer.get(f"{JOB}/preflight").json() == {
        "verdict": "safe_restart",
        "reasons": ["zscore_threshold changes from 3 to 4.5: readings before the restart keep their judgement"],
        "backfill_from": None,
    }
    assert viewer.get(f"{JOB}/preflight", version=1).json()["reasons"] == ["the configuration stays as it is"]
    assert viewer.get(f"{JOB}/preflight", version=9).status_code == 404


@pytest.mark.fault(12, "a part of the checkpoint deleted, and a restart asked for")
def test_a_restart_that_is_not_safe_is_refused_before_anything_stops_unless_it_is_accepted(
    operator: Caller, job: StreamingJob
) -> None:
    spoil(job)
    found = operator.get(f"{JOB}/preflight").json()
    assert (found["verdict"], found["backfill_from"]) == ("new_checkpoint", {"0": 7, "1": 0, "2": 0})
    answer = operator.post(f"{JOB}/restart")
    assert answer.status_code == 409
    assert "backfill from partition 0: 7, partition 1: 0" in answer.json()["detail"]
    job.refresh_from_db()
    assert not job.is_to_end
    assert operator.post(f"{JOB}/restart", accept=True).status_code == 202
    job.refresh_from_db()
    assert job.is_to_end


def test_a_rollback_makes_a_new_version_of_the_old_configuration_and_restarts(
    operator: Caller, pipeline: Pipeline, job: StreamingJob
) -> None:
    configure(operator, 4.5)
    answer = operator.post(f"{JOB}/rollback", version=1, reason="too few anomalies")
    assert answer.status_code == 202
    numbers = list(pipeline.versions.order_by("number").values_list("number", "configuration"))
    assert numbers == [(1, {}), (2, {"zscore_threshold": 4.5}), (3, {})]
    job.refresh_from_db()
    assert job.is_to_end
    told = AuditEntry.objects.get(action="pipeline.rolled_back")
    assert (told.after, told.reason, told.actor) == ({"to": 1, "number": 3}, "too few anomalies", operator.user)


def test_a_rollback_of_a_job_that_does_not_run_starts_nothing(
    operator: Caller, pipeline: Pipeline, job: StreamingJob
) -> None:
    StreamingJob.objects.update(desired=Desired.STOPPED, observed=Observed.STOPPED)
    configure(operator, 4.5)
    assert operator.post(f"{JOB}/rollback", version=1).json()["desired"] == "stopped"
    assert pipeline.versions.count() == 3


@pytest.mark.parametrize(("version", "status"), [(9, 404), (0, 400), ("x", 400), (2**40, 400), (None, 400)])
def test_a_rollback_to_no_version_changes_nothing(
    operator: Caller, pipeline: Pipeline, job: StreamingJob, version: object, status: int
) -> None:
    assert operator.post(f"{JOB}/rollback", version=version).status_code == status
    job.refresh_from_db()
    assert (pipeline.versions.count(), job.is_to_end) == (1, False)


def test_a_rollback_that_is_not_safe_makes_no_version(operator: Caller, pipeline: Pipeline, job: StreamingJob) -> None:
    configure(operator, 4.5)
    spoil(job)
    assert operator.post(f"{JOB}/rollback", version=1).status_code == 409
    assert pipeline.versions.count() == 2
