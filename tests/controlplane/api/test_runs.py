from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.accounts.models import AuditEntry
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.runs.services import application_request, log_append, run_request
from controlplane.runs.states import RunState
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PATH = "pipelines/plant/runs"
LONG_AGO = date(2026, 3, 9)
DAY = (LONG_AGO + timedelta(days=2)).isoformat()


def over(run: Any, state: RunState = RunState.FAILED) -> None:
    Run.objects.filter(pk=run["id"] if isinstance(run, dict) else run.pk).update(state=state)


@pytest.fixture
def made(operator: Caller, pipeline: Pipeline) -> dict[str, Any]:
    answer = operator.post(PATH, kind="daily", first_day=DAY, reason="the sensor was mended")
    assert answer.status_code == 202, answer.json()
    return answer.json()


def test_a_run_is_queued_with_its_stages_and_leaves_a_task(made: dict[str, Any], operator: Caller) -> None:
    assert (made["state"], made["first_day"], made["last_day"]) == ("queued", DAY, DAY)
    assert [stage["name"] for stage in made["stages"]] == [
        "ensure_stream", "freshness", "bronze_to_silver", "silver_to_gold", "evaluate", "quality", "load",
    ]  # fmt: skip
    assert made["parameters"]["freshness_minutes"] == 30
    assert (made["requested_by"], made["trigger"]) == ("operator", "person")
    assert Outbox.objects.get(task="penstock.advance_run").arguments == {"run_id": made["id"]}
    audit = AuditEntry.objects.get(action="run.requested")
    assert (audit.reason, audit.object) == ("the sensor was mended", f"pipeline/plant/run/{made['id']}")


def test_a_daily_run_is_over_yesterday_unless_told(operator: Caller, pipeline: Pipeline) -> None:
    before = timezone.now().date()
    made = operator.post(PATH, kind="daily").json()
    assert made["first_day"] == made["last_day"]
    yesterdays = {(day - timedelta(days=1)).isoformat() for day in (before, timezone.now().date())}
    assert made["first_day"] in yesterdays  # midnight may have come between


def test_a_dry_run_says_what_would_be_done_and_makes_nothing(operator: Caller, pipeline: Pipeline) -> None:
    answer = operator.post(PATH, kind="daily", first_day=DAY, dry_run=True, parameters={"stale": "warn"})
    assert answer.status_code == 200
    plan = answer.json()
    assert (plan["first_day"], plan["parameters"]["stale"], plan["hindered_by"]) == (DAY, "warn", None)
    assert Run.objects.count() == Outbox.objects.count() == 0


def test_two_runs_of_one_day_are_one_too_many(operator: Caller, made: dict[str, Any]) -> None:
    for told in ({"first_day": DAY}, {"first_day": LONG_AGO.isoformat(), "last_day": DAY}):
        answer = operator.post(PATH, kind="daily", **told)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert f"daily run {made['id']} is queued and works on {DAY}" in answer.json()["detail"]
        plan = operator.post(PATH, kind="daily", dry_run=True, **told).json()
        assert plan["hindered_by"] == answer.json()["detail"]
    assert Run.objects.count() == 1
    assert operator.post(PATH, kind="maintenance").status_code == 202
    assert operator.post(PATH, kind="maintenance").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "daily", "first_day": "2026-02-30"}, "first_day"),
        ({"kind": "daily", "first_day": DAY, "last_day": "2020-01-01"}, "last_day"),
        ({"kind": "daily", "first_day": DAY, "last_day": "2999-01-01"}, "last_day"),
        ({"kind": "daily", "first_day": "2001-01-01", "last_day": "2020-01-01"}, "last_day"),
        ({"kind": "daily", "last_day": DAY}, "first_day"),
        ({"kind": "maintenance", "first_day": DAY}, "first_day"),
        ({"kind": "backfill", "first_day": DAY}, "kind"),
        ({"kind": "rm -rf /"}, "kind"),
        ({"kind": "daily", "parameters": {"stale": "perhaps"}}, "parameters.stale"),
        ({"kind": "daily", "parameters": {"freshness_minutes": "30"}}, "parameters.freshness_minutes"),
        ({"kind": "daily", "parameters": {"freshness_minutes": 0}}, "parameters.freshness_minutes"),
        ({"kind": "daily", "parameters": {"--conf": "spark.x=y"}}, "parameters.--conf"),
        ({"kind": "maintenance", "parameters": {"vacuum_hours": 1}}, "parameters.vacuum_hours"),
        ({"kind": "daily", "parameters": {"wait_minutes": True}}, "parameters.wait_minutes"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_field(
    operator: Caller, pipeline: Pipeline, body: dict[str, Any], field: str
) -> None:
    answer = operator.post(PATH, **body)
    assert answer.status_code == 400, answer.json()
    assert list(answer.json()["errors"]) == [field]
    assert Run.objects.count() == 0


def test_a_queued_run_is_cancelled_at_once_and_only_once(operator: Caller, made: dict[str, Any]) -> None:
    path = f"runs/{made['id']}"
    done = operator.post(f"{path}/cancel", reason="not today").json()
    assert (done["state"], done["cause"]) == ("cancelled", "cancelled: not today")
    assert {stage["state"] for stage in done["stages"]} == {"cancelled"}
    assert operator.post(f"{path}/cancel").status_code == 409
    assert [move["after"] for move in operator.get(path).json()["moves"]] == ["cancelled"]
    assert AuditEntry.objects.get(action="run.cancelled").before == {"state": "queued"}


def test_only_what_did_not_succeed_is_retried(operator: Caller, made: dict[str, Any]) -> None:
    path = f"runs/{made['id']}"
    assert operator.post(f"{path}/retry").status_code == 409
    over(made, RunState.SUCCEEDED)
    refused = operator.post(f"{path}/retry")
    assert (refused.status_code, "succeeded" in refused.json()["detail"]) == (409, True)
    over(made)
    again = operator.post(f"{path}/retry").json()
    assert (again["state"], again["retries"], again["id"]) == ("queued", 1, made["id"])


def test_a_retry_does_not_run_beside_another_run_of_the_day(operator: Caller, made: dict[str, Any]) -> None:
    over(made)
    other = operator.post(PATH, kind="daily", first_day=DAY).json()
    refused = operator.post(f"runs/{made['id']}/retry")
    assert (refused.status_code, f"run {other['id']}" in refused.json()["detail"]) == (409, True)


def test_a_run_is_run_again_once_it_is_over(operator: Caller, made: dict[str, Any]) -> None:
    assert operator.post(f"runs/{made['id']}/rerun").status_code == 409
    over(made, RunState.SUCCEEDED)
    again = operator.post(f"runs/{made['id']}/rerun").json()
    assert (again["rerun_of"], again["first_day"], again["state"]) == (made["id"], DAY, "queued")


def test_runs_are_listed_newest_first_by_kind_and_state(viewer: Caller, made: dict[str, Any]) -> None:
    over(made)
    second = run_request(pipeline="plant", kind="maintenance")

    def found(**query: str) -> list[int]:
        return [item["id"] for item in viewer.get(PATH, **query).json()["results"]]

    assert found() == [second.pk, made["id"]]
    assert found(kind="daily") == found(state="failed") == [made["id"]]
    assert found(kind="backfill") == []
    assert viewer.get(PATH, state="perhaps").status_code == 400


def test_the_log_is_read_part_by_part_until_the_run_is_over(viewer: Caller, made: dict[str, Any]) -> None:
    run = Run.objects.get(pk=made["id"])
    application = application_request(run=run, stages=["bronze_to_silver"])
    path = f"runs/{run.pk}/log"
    assert viewer.get(path).json() == {"text": "", "next": 0, "ended": False}
    log_append(application=application, data=b"first\n")
    first = viewer.get(path).json()
    assert (first["text"], first["ended"]) == ("first\n", False)
    log_append(application=application, data=b"a \0 and half of \xc3\n")
    over(made)
    rest = viewer.get(path, after=first["next"]).json()
    assert (rest["text"], rest["ended"]) == ("a \ufffd and half of \ufffd\n", True)
    assert viewer.get(path, after=rest["next"]).json()["text"] == ""


def test_a_log_has_an_end(viewer: Caller, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.runs.services.applications.MOST_LOG", 10)
    application = application_request(run=Run.objects.get(pk=made["id"]), stages=["bronze_to_silver"])
    for line in (b"12345678\n", b"12345678\n", b"12345678\n"):
        log_append(application=application, data=line)
    assert viewer.get(f"runs/{made['id']}/log").json()["text"] == "12345678\n1\n... the rest was not kept\n"
    assert application.log_end == 27


@pytest.mark.parametrize("command", ["cancel", "retry", "rerun"])
def test_commands_are_an_operators_and_of_a_run_that_is_there(
    command: str, viewer: Caller, operator: Caller, made: dict[str, Any]
) -> None:
    assert viewer.post(f"runs/{made['id']}/{command}").status_code == 403
    assert operator.post(f"runs/{made['id'] + 1}/{command}").status_code == 404
    assert operator.post(f"runs/{made['id']}/{command}", force=True).status_code == 400
    assert Run.objects.get().state == "queued"
