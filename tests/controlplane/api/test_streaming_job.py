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


def test_start_and_drain_set_what_is_wanted_and_leave_what_is_observed(operator: Caller, pipeline: Pipeline) -> None:
    for action, desired in (("start", "running"), ("drain", "stopped")):
        answer = operator.post(f"{JOB}/{action}", reason="shift change")
        assert answer.status_code == 202
        assert (answer.json()["desired"], answer.json()["observed"]) == (desired, "stopped")
    assert Outbox.objects.filter(task="penstock.reconcile").count() == 2


def test_who_started_it_and_why_is_in_the_audit_log(
    operator: Caller, administrator: Caller, pipeline: Pipeline
) -> None:
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
