from __future__ import annotations

import pytest

from controlplane.accounts.models import AuditEntry
from controlplane.pipelines.models import Pipeline
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

READS = [
    "environment", "incidents", "queue", "pipelines", "pipelines/plant", "pipelines/plant/versions",
    "pipelines/plant/versions/1", "pipelines/plant/streaming-job", "pipelines/plant/batches", "pipelines/plant/ledger",
    "pipelines/plant/ledger-entries", "pipelines/plant/loads", "sensor-types", "sensor-types/temperature", "sensors",
    "tokens", "schema",
]  # fmt: skip
OPERATES = [
    ("pipelines/plant/streaming-job/start", {}),
    ("pipelines/plant/streaming-job/drain", {}),
    ("pipelines/plant/streaming-job/stop", {}),
    ("pipelines/plant/versions", {"configuration": {}}),
]
OF_A_RUNNING_JOB = [
    ("pipelines/plant/streaming-job/restart", {}),
    ("pipelines/plant/streaming-job/rollback", {"version": 1}),
]


@pytest.mark.parametrize("path", READS)
def test_a_viewer_reads_and_nobody_else_does(viewer: Caller, nobody: Caller, pipeline: Pipeline, path: str) -> None:
    assert viewer.get(path).status_code == 200
    assert nobody.get(path).status_code == 401


@pytest.mark.parametrize(("path", "body"), OPERATES + OF_A_RUNNING_JOB)
def test_a_viewer_changes_nothing(viewer: Caller, pipeline: Pipeline, path: str, body: dict) -> None:
    known = AuditEntry.objects.count()
    answer = viewer.post(path, **body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "operator" in answer.json()["detail"]
    assert AuditEntry.objects.count() == known


@pytest.mark.parametrize(("path", "body"), OPERATES)
def test_an_operator_and_an_administrator_operate(
    operator: Caller, administrator: Caller, topic: str, path: str, body: dict
) -> None:
    assert operator.post(path, **body).status_code in (200, 202)
    assert administrator.post(path, **body).status_code in (200, 202)


def test_only_an_administrator_changes_types_and_reads_the_audit_log(
    operator: Caller, administrator: Caller, pipeline: Pipeline
) -> None:
    assert operator.put("sensor-types/temperature").status_code == 403
    assert operator.get("audit").status_code == 403
    assert administrator.put("sensor-types/temperature").status_code == 400
    assert administrator.get("audit").status_code == 200


def test_a_viewer_may_have_the_accounts_recounted(viewer: Caller, pipeline: Pipeline) -> None:
    assert viewer.post("pipelines/plant/ledger/verifications").status_code == 202
