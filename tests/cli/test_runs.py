"""`penstock runs` against a real API; the runs are moved on as a worker would."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from cli.commands import runs
from cli.main import app
from controlplane.accounts.models import User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Role, Scope
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.runs.services import (
    application_request,
    log_append,
    run_end,
    run_request,
    run_start,
    stage_end,
    stage_start,
)
from controlplane.runs.states import RunState, StageState
from tests.cli.standins import until
from tests.django_database import pipeline, queue_away

__all__ = ["pipeline", "queue_away"]
pytestmark = pytest.mark.integration
Penstock = Callable[..., Result]
DAY = "2026-03-09"


@pytest.fixture
def penstock(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, no_penstock_environment: None, queue_away: None
) -> Penstock:
    """The command, signed in to a control plane as an operator."""
    operator = User.objects.create_user("operator", role=Role.OPERATOR)
    _, token = token_make(user=operator, name="t", scope=Scope.WRITE, life=timedelta(days=1), actor=None)
    monkeypatch.setenv("PENSTOCK_URL", live_server.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", token)
    monkeypatch.setattr(runs, "POLL_SECONDS", 0.02)
    return lambda *argv: CliRunner().invoke(app, ["runs", *argv])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def brought_about(state: RunState) -> threading.Thread:
    """A worker that takes the first run there is to an end, one stage after another."""

    def work() -> None:
        until(Run.objects.exists, 20)
        run = Run.objects.select_related("pipeline").get()
        run_start(run=run, version=run.pipeline.versions.first())
        for stage in run.stages.all():
            stage_start(stage=stage)
            if state == RunState.FAILED and stage.name == "silver_to_gold":
                stage_end(stage=stage, to=StageState.FAILED, cause="the disk is full")
                run_end(run=run, to=state, cause="silver to gold: the disk is full")
                break
            stage_end(stage=stage, to=StageState.SUCCEEDED, rows_in=1234, rows_out=1200)
        else:
            run_end(run=run, to=state)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_no_runs_are_told_with_what_to_do(penstock: Penstock, pipeline: Pipeline) -> None:
    assert "penstock runs trigger daily" in penstock("list").stdout


def test_a_dry_run_makes_nothing(penstock: Penstock, pipeline: Pipeline) -> None:
    plan = told(penstock("trigger", "daily", "--from", DAY, "--dry-run", "--json"))
    assert (plan["first_day"], plan["hindered_by"]) == (DAY, None)
    words = penstock("trigger", "daily", "--dry-run", "--set", "stale=warn", "--set", "freshness_minutes=5").stdout
    assert "stale warn" in words
    assert "freshness_minutes 5" in words
    assert not Run.objects.exists()


def test_a_dry_run_that_is_hindered_exits_1(penstock: Penstock, pipeline: Pipeline) -> None:
    run_request(pipeline="plant", kind="maintenance")
    result = penstock("trigger", "maintenance", "--dry-run")
    assert (result.exit_code, "refused as things are: maintenance run" in result.stdout) == (1, True)


@pytest.mark.parametrize(("state", "code"), [(RunState.SUCCEEDED, 0), (RunState.FAILED, 1)])
def test_a_run_is_followed_to_its_end(penstock: Penstock, pipeline: Pipeline, state: RunState, code: int) -> None:
    worker = brought_about(state)
    result = penstock("trigger", "daily", "--from", DAY, "--follow", "--reason", "why not")
    worker.join()
    assert result.exit_code == code, result.output
    assert "bronze_to_silver: succeeded in 0.0 s, 1,234 rows in, 1,200 rows out" in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith(f"run {Run.objects.get().pk} (daily {DAY}): {state}")
    assert ("the disk is full" in last) == (code == 1)


def test_a_followed_run_has_its_json_alone_on_stdout(penstock: Penstock, pipeline: Pipeline) -> None:
    worker = brought_about(RunState.SUCCEEDED)
    run = told(penstock("trigger", "daily", "--follow", "--json"))
    worker.join()
    assert (run["state"], len(run["stages"])) == ("succeeded", 7)


def test_a_run_is_cancelled_retried_and_run_again(penstock: Penstock, pipeline: Pipeline) -> None:
    run = run_request(pipeline="plant", kind="maintenance")
    assert told(penstock("cancel", str(run.pk), "--reason", "no", "--json"))["state"] == "cancelled"
    refused = penstock("cancel", str(run.pk))
    assert (refused.exit_code, "is over" in refused.output) == (1, True)
    assert told(penstock("retry", str(run.pk), "--json"))["state"] == "queued"
    assert penstock("cancel", str(run.pk), "--follow").exit_code == 3
    again = told(penstock("rerun", str(run.pk), "--json"))
    assert again["rerun_of"] == run.pk
    listed = penstock("list", "--kind", "maintenance").stdout
    assert all(str(number) in listed for number in (run.pk, again["id"]))
    assert "compact" in penstock("show", str(again["id"])).stdout


def test_logs_are_printed_as_they_were_written(penstock: Penstock, pipeline: Pipeline) -> None:
    run = run_request(pipeline="plant", kind="daily")
    assert penstock("logs", str(run.pk)).stdout == ""
    application = application_request(run=run, stages=["bronze_to_silver"])
    for line in (b"first\n", b"second\n"):
        log_append(application=application, data=line)
    assert penstock("logs", str(run.pk)).stdout == "first\nsecond\n"


def test_what_is_not_there_or_makes_no_sense_is_one_line(penstock: Penstock, pipeline: Pipeline) -> None:
    for argv, words in (
        (("show", "77"), "there is no run 77"),
        (("trigger", "daily", "--set", "stale"), "NAME=VALUE is needed"),
        (("trigger", "daily", "--from", "tomorrow"), "some fields are not right"),
        (("trigger", "nonsense"), "some fields are not right"),
    ):
        result = penstock(*argv)
        assert result.exit_code == 1
        assert words in result.output
        assert len(result.output.strip().splitlines()) <= 3
