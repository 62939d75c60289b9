"""`penstock schedules` and the queue's line of `penstock status`, against a real API."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from cli.main import app
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Role, Scope
from controlplane.pipelines.models import Pipeline
from controlplane.queue.services import worker_heard
from controlplane.runs.models import Run
from controlplane.schedules.models import Schedule
from tests.django_database import pipeline, queue_away

__all__ = ["pipeline", "queue_away"]
pytestmark = pytest.mark.integration
Penstock = Callable[..., Result]
NIGHTLY = ("create", "nightly", "daily", "--cron", "30 0 * * *")


@pytest.fixture
def signed_in(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, no_penstock_environment: None, queue_away: None
) -> None:
    operator = User.objects.create_user("operator", role=Role.OPERATOR)
    _, token = token_make(user=operator, name="t", scope=Scope.WRITE, life=timedelta(days=1), actor=None)
    monkeypatch.setenv("PENSTOCK_URL", live_server.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", token)


@pytest.fixture
def penstock(signed_in: None, pipeline: Pipeline) -> Penstock:
    """The command, signed in to a control plane as an operator."""
    return lambda *argv: CliRunner().invoke(app, ["schedules", *argv])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_schedule_is_made_shown_changed_and_deleted(penstock: Penstock) -> None:
    made = told(penstock(*NIGHTLY, "--start-within", "15", "--set", "wait_minutes=90", "--reason", "r", "--json"))
    assert (made["start_within_minutes"], made["parameters"]["wait_minutes"]) == (15, 90)
    assert [item["name"] for item in told(penstock("list", "--json"))["results"]] == ["nightly"]
    assert "30 0 * * * UTC" in penstock("list").stdout
    assert told(penstock("show", "nightly", "--json")) == made | {"slots": []}

    changed = told(penstock("change", "nightly", "--timezone", "Europe/Berlin", "--set", "stale=warn", "--json"))
    assert (changed["cron"], changed["timezone"], changed["start_within_minutes"]) == (
        "30 0 * * *",
        "Europe/Berlin",
        15,
    )
    assert (changed["parameters"]["wait_minutes"], changed["parameters"]["stale"]) == (90, "warn")
    changed = told(penstock("change", "nightly", "--every", "3600", "--start-within", "0", "--json"))
    assert (changed["cron"], changed["interval_seconds"], changed["start_within_minutes"]) == ("", 3600, None)
    assert "every 3600 s" in penstock("show", "nightly").stdout

    assert penstock("delete", "nightly", "--reason", "enough").exit_code == 0
    assert AuditEntry.objects.get(action="schedule.deleted").reason == "enough"
    assert told(penstock("list", "--json"))["results"] == []


def test_a_dry_run_says_when_it_would_be_due_and_changes_nothing(penstock: Penstock) -> None:
    times = penstock(*NIGHTLY, "--dry-run").stdout.split()
    assert len(times) == 5
    assert all(time.endswith("T00:30:00Z") for time in times)
    assert not Schedule.objects.exists()
    penstock(*NIGHTLY)
    assert told(penstock("next", "nightly", "--json"))["next"] == times
    would = told(penstock("change", "nightly", "--cron", "0 6 * * *", "--dry-run", "--json"))["next"]
    assert all(time.endswith("T06:00:00Z") for time in would)
    assert Schedule.objects.get().cron == "30 0 * * *"


def test_it_is_switched_and_run_now(penstock: Penstock) -> None:
    penstock(*NIGHTLY)
    assert "disabled" in penstock("disable", "nightly").stdout
    assert penstock("next", "nightly").stdout == "it is disabled\n"
    assert told(penstock("enable", "nightly", "--json"))["enabled"]
    run = told(penstock("run", "nightly", "--reason", "now", "--json"))
    assert (Run.objects.get().pk, Run.objects.get().reason) == (run["id"], "now")
    again = penstock("run", "nightly")
    assert (again.exit_code, "works on" in again.stderr) == (1, True)


def test_what_the_api_refuses_is_one_line_and_exit_1(penstock: Penstock) -> None:
    for argv in (["show", "other"], ["create", "n", "daily"], [*NIGHTLY, "--set", "wait"], ["run", "../../tokens"]):
        refused = penstock(*argv)
        assert (refused.exit_code, len(refused.stderr.strip().splitlines())) == (1, 1), refused.output
        assert refused.stderr.startswith("error: ")


def test_status_tells_what_waits_and_who_works(
    signed_in: None, pipeline: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", redis_url)
    worker_heard(worker="celery@here")
    found = told(CliRunner().invoke(app, ["status", "--json"]))
    assert (found["queue"]["length"], found["queue"]["workers"]) == (0, ["celery@here"])
    assert "0 waiting; workers: celery@here, heard" in CliRunner().invoke(app, ["status"]).stdout


def test_status_says_so_where_the_queue_is_not_known(
    signed_in: None, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    assert "length unknown; workers: none answers, heard never" in CliRunner().invoke(app, ["status"]).stdout
