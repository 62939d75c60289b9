"""Bodies whose values are of another type than was asked for, or that no column could keep."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from controlplane.accounts.models import AuditEntry
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.sensors.models import SensorType
from tests.controlplane.api.conftest import Caller
from tests.controlplane.api.rows import SAYS

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

TYPE = {
    "unit": "u", "normal_low": 1, "normal_high": 2.5, "physical_low": 0, "physical_high": 3,
    "expected_interval_seconds": 1, "reason": "",
}  # fmt: skip
JOB = "pipelines/plant/streaming-job"
DAYS = {"first_day": "2026-01-01", "last_day": "2026-01-02"}
RUN = {"kind": "daily", **DAYS, "parameters": {}, "dry_run": False, "reason": ""}
BACKFILL = {**DAYS, "order": "oldest", "concurrency": 1, "only": "all"}
SCHEDULE = {
    "kind": "daily", "cron": "30 0 * * *", "timezone": "UTC", "parameters": {}, "enabled": True, "catch_up": "none",
    "dry_run": False, "reason": "",
}  # fmt: skip
OF_SCHEDULE = "pipelines/plant/schedules/nightly"
LETTERS = "pipelines/plant/dead-letters"
SELECTION = {"again": True}
QUALITY = "pipelines/plant/quality"
SUITE = {**SAYS, "dry_run": False, "reason": ""}
BODIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "session_create": ("post", "session", {"username": "u", "password": "p"}),
    "tokens_create": ("post", "tokens", {"name": "n", "scope": "read", "expires_in_days": 1}),
    "sensor_types_set": ("put", "sensor-types/flow", TYPE),
    "pipeline_versions_create": ("post", "pipelines/plant/versions", {"configuration": {}, "reason": ""}),
    "ledger_verifications_create": ("post", "pipelines/plant/ledger/verifications", {"reason": ""}),
    "traces_create": ("post", "pipelines/plant/traces", {"sensor_id": "s", "timestamp": "2026-01-01T00:00Z"}),
    "delays_create": ("post", "pipelines/plant/delays", DAYS),
    "simulator_start": ("post", "pipelines/plant/simulator/start", {"reason": ""}),
    "simulator_stop": ("post", "pipelines/plant/simulator/stop", {"reason": ""}),
    "streaming_job_start": ("post", f"{JOB}/start", {"reason": "", "accept": True}),
    "streaming_job_drain": ("post", f"{JOB}/drain", {"reason": ""}),
    "streaming_job_stop": ("post", f"{JOB}/stop", {"reason": ""}),
    "streaming_job_restart": ("post", f"{JOB}/restart", {"reason": "", "accept": True}),
    "runs_create": (
        "post",
        "pipelines/plant/runs",
        {"kind": "daily", **DAYS, "parameters": {}, "dry_run": False, "reason": ""},
    ),
    **{f"runs_{name}": ("post", f"runs/1/{name}", {"reason": ""}) for name in ("cancel", "retry", "rerun")},
    "backfills_create": ("post", "pipelines/plant/backfills", {**BACKFILL, "reason": ""}),
    "backfills_preview": ("post", "pipelines/plant/backfills/preview", BACKFILL),
    **{f"backfills_{name}": ("post", f"backfills/1/{name}", {"reason": ""}) for name in ("cancel", "pause", "resume")},
    "backfills_retry": ("post", "backfills/1/retry", {"only": "all", "reason": ""}),
    "schedules_create": ("post", "pipelines/plant/schedules", {"name": "nightly", **SCHEDULE}),
    "schedules_set": ("put", OF_SCHEDULE, SCHEDULE),
    **{f"schedules_{name}": ("post", f"{OF_SCHEDULE}/{name}", {"reason": ""}) for name in ("run", "enable", "disable")},
    "freshness_set": ("put", "pipelines/plant/freshness", {"limits": {}, "reason": ""}),
    "dead_letters_mend": ("post", f"{LETTERS}/mend", SELECTION),
    "dead_letters_discard": ("post", f"{LETTERS}/discard", {**SELECTION, "reason": ""}),
    "dead_letters_reopen": ("post", f"{LETTERS}/reopen", {**SELECTION, "reason": ""}),
    "redrives_create": ("post", "pipelines/plant/redrives", {**SELECTION, "unchecked": False, "reason": ""}),
    "suites_create": ("post", f"{QUALITY}/suites", {"name": "rows", **SUITE}),
    "suites_set": ("put", f"{QUALITY}/suites/rows", SUITE),
    **{f"suites_{name}": ("post", f"{QUALITY}/suites/rows/{name}", {"reason": ""}) for name in ("enable", "disable")},
    "evaluations_create": ("post", f"{QUALITY}/evaluations", {"hours": 1, "reason": ""}),
    "redrives_cancel": ("post", "redrives/1/cancel", {"reason": ""}),
    "streaming_job_rollback": ("post", f"{JOB}/rollback", {"reason": "", "accept": True, "version": 1}),
}
WRONG: dict[type, list[Any]] = {
    str: [7, 1.5, True, [], ["read"], {}, None, "a\0b", "\ud800", "x" * 3000],
    bool: ["true", "", 1, 0, 1.0, [], {}, None],
    int: ["3", 1.0, True, [], {}, None, 0, -1, 2**31, 10**30, 10**400],
    float: ["3", True, [], {}, None, 10**400],
    dict: [[], "{}", 1, True, None],
    list: [[], {}, "[]", 1, True, None, [[]] * 201],
}
FIGURES = {name for name, value in TYPE.items() if isinstance(value, int | float)}


def wrong_for(name: str, value: Any) -> list[Any]:
    return WRONG[float if name in FIGURES else type(value)]


def test_every_body_of_the_schema_is_tried_here() -> None:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    operations = [item for methods in paths.values() for item in methods.values()]
    assert {item["operationId"] for item in operations if "requestBody" in item} == BODIES.keys()


@pytest.mark.parametrize("operation", BODIES)
def test_a_value_of_another_type_is_refused_under_its_name_and_nothing_changes(
    administrator: Caller, pipeline: Pipeline, operation: str
) -> None:
    method, path, body = BODIES[operation]
    client = Client()
    client.force_login(administrator.user)
    known = AuditEntry.objects.count(), PipelineVersion.objects.count(), SensorType.objects.count()
    for name, value in body.items():
        for wrong in wrong_for(name, value):
            told = json.dumps(body | {name: wrong})
            answer = client.generic(method.upper(), f"/api/v1/{path}", told, content_type="application/json")
            assert (answer.status_code, list(answer.json().get("errors", []))) == (400, [name]), (name, wrong)
    assert known == (AuditEntry.objects.count(), PipelineVersion.objects.count(), SensorType.objects.count())


@pytest.mark.parametrize("text", ["a\tb", "a\x1b[31mb", "a\x7f", "a\u2028b", "paid \u202e"])
def test_what_is_shown_in_one_line_holds_no_control_character(
    operator: Caller, administrator: Caller, pipeline: Pipeline, text: str
) -> None:
    for answer, name in (
        (operator.post(f"{JOB}/drain", reason=text), "reason"),
        (administrator.put("sensor-types/flow", **TYPE | {"unit": text}), "unit"),
    ):
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_a_reason_in_any_script_is_kept_as_it_was_written(operator: Caller, pipeline: Pipeline) -> None:
    reason = "Wartung ➜ 保守 \u200d 🛠️ ".strip() + "x" * 470
    assert operator.post(f"{JOB}/drain", reason=reason).status_code == 202
    assert AuditEntry.objects.get(action="streaming_job.drain").reason == reason


def test_a_reason_that_was_typed_over_lines_is_kept_in_one(operator: Caller, pipeline: Pipeline) -> None:
    assert operator.post(f"{JOB}/drain", reason="new disks\r\n  tonight\n").status_code == 202
    assert AuditEntry.objects.get(action="streaming_job.drain").reason == "new disks tonight"


@pytest.mark.parametrize("name", ["x" * 101, "x" * 3000])
def test_a_type_whose_name_no_column_holds_is_refused(administrator: Caller, pipeline: Pipeline, name: str) -> None:
    answer = administrator.put(f"sensor-types/{name}", **TYPE)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["name"])
    assert administrator.get(f"sensor-types/{name}").status_code == 404


@pytest.mark.parametrize("value", [b"1e999", b"-1e999", b"1" + b"0" * 400, b'"1"', b"true", b"[]", b"{}"])
@pytest.mark.parametrize("setting", ["trigger_seconds", "zscore_window"])
def test_a_setting_that_is_no_number_within_bounds_is_refused(
    operator: Caller, pipeline: Pipeline, setting: str, value: bytes
) -> None:
    body = b'{"configuration": {"%s": %s}}' % (setting.encode(), value)
    answer = operator.client.post("/api/v1/pipelines/plant/versions", body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [f"configuration.{setting}"])


@pytest.mark.parametrize("levels", [21, 300, 900, 950, 980, 20_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_json_that_is_too_deep_is_refused_however_deep(
    operator: Caller, pipeline: Pipeline, brackets: str, levels: int
) -> None:
    opening = brackets[0] if brackets == "[]" else '{"a":'
    nested = opening * levels + "1" + brackets[1] * levels
    told = f'{{"reason": {nested}}}'
    answer = operator.client.post(f"/api/v1/{JOB}/drain", told, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
