from __future__ import annotations

import pytest

from controlplane.accounts.models import AuditEntry
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.services import job_move
from controlplane.streaming.states import Desired, Observed
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
JOB = "pipelines/plant/streaming-job"


def test_start_drain_and_stop_set_what_is_wanted_and_leave_what_is_observed(operator: Caller, topic: str) -> None:
    for action, desired in (("start", "running"), ("drain", "stopped"), ("start", "running"), ("stop", "stopped")):
        answer = operator.post(f"{JOB}/{action}", reason="shift change")
        assert answer.status_code == 202
        assert (answer.json()["desired"], answer.json()["observed"]) == (desired, "stopped")
    assert Outbox.objects.filter(task="penstock.reconcile").count() == 4


def test_who_started_it_and_why_is_in_the_audit_log(operator: Caller, administrator: Caller, topic: str) -> None:
    answer = operator.client.post(
        f"/api/v1/{JOB}/start", {"reason": "shift change"}, "application/json", headers={"X-Request-ID": "call-7"}
    )
    assert answer["X-Request-ID"] == "call-7"
    newest = administrator.get("audit", limit=1).json()["results"][0]
    assert newest | {"id": 0, "at": ""} == {
        "id": 0, "at": "", "actor": "operator", "action": "streaming_job.start",
        "object": "pipeline/plant/streaming-job", "before": {"desired": "stopped"}, "after": {"desired": "running"},
        "reason": "shift change", "request_id": "call-7",
    }  # fmt: skip


def test_the_job_tells_its_version_and_its_newest_moves(viewer: Caller, pipeline: Pipeline) -> None:
    job = StreamingJob.objects.get()
    job_move(job=job, to=Observed.LAUNCHING, version=pipeline.versions.get(), fencing_token=1)
    for _ in range(12):
        job_move(job=job, to=Observed.STOPPED, reason="it died")
        job_move(job=job, to=Observed.LAUNCHING, reason="again")
    found = viewer.get(JOB).json()
    assert (found["version"], found["observed"], len(found["moves"])) == (1, "launching", 20)
    newest = found["moves"][0]
    assert (newest["before"], newest["after"], newest["reason"]) == ("stopped", "launching", "again")


def test_a_pipeline_that_is_not_there_is_not_found(operator: Caller, pipeline: Pipeline) -> None:
    answer = operator.post("pipelines/other/streaming-job/start")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not AuditEntry.objects.filter(action="streaming_job.start").exists()
    assert StreamingJob.objects.get().desired == Desired.STOPPED


def asked(action: str) -> int:
    return AuditEntry.objects.filter(action=f"streaming_job.{action}").count()


@pytest.mark.parametrize("action", ["start", "restart"])
def test_without_the_topic_nothing_is_started_and_nothing_changed(
    operator: Caller, topic: str, pipeline: Pipeline, action: str
) -> None:
    pipeline.topic = "no-such-topic"
    pipeline.save()
    answer = operator.post(f"{JOB}/{action}")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "no-such-topic" in answer.json()["detail"]
    assert (StreamingJob.objects.get().desired, asked(action), Outbox.objects.count()) == (Desired.STOPPED, 0, 0)


def test_without_a_broker_that_answers_nothing_is_started_and_nothing_changed(
    operator: Caller, pipeline: Pipeline, no_broker: None
) -> None:
    answer = operator.post(f"{JOB}/start")
    assert answer.status_code == 409
    assert "sensor-events cannot be read at 127.0.0.1:1" in answer.json()["detail"]
    assert (StreamingJob.objects.get().desired, asked("start"), Outbox.objects.count()) == (Desired.STOPPED, 0, 0)


def test_a_job_can_be_stopped_while_the_broker_is_away(operator: Caller, pipeline: Pipeline, no_broker: None) -> None:
    assert operator.post(f"{JOB}/drain").status_code == 202
    assert operator.post(f"{JOB}/stop").status_code == 202


def test_a_job_that_is_not_wanted_to_run_is_not_restarted(operator: Caller, topic: str) -> None:
    answer = operator.post(f"{JOB}/restart")
    assert (answer.status_code, answer.json()["detail"]) == (409, "the job of plant is not wanted to run: start it")
    assert asked("restart") == 0


def test_a_restart_is_of_the_launch_that_is_there_however_often_it_is_asked_for(operator: Caller, topic: str) -> None:
    StreamingJob.objects.update(desired=Desired.RUNNING, observed=Observed.RUNNING, fencing_token=4)
    for _ in range(2):
        assert operator.post(f"{JOB}/restart", reason="a new threshold").status_code == 202
    job = StreamingJob.objects.get()
    assert (job.restart_token, job.is_to_end, asked("restart")) == (4, True, 2)
    StreamingJob.objects.update(fencing_token=5)
    assert not StreamingJob.objects.get().is_to_end
