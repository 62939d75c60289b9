"""`penstock quality` against a real API; what was found is told as a worker would."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from cli.commands import runs
from cli.main import app
from controlplane.accounts.models import User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Role, Scope
from controlplane.pipelines.models import Pipeline
from controlplane.quality.services import evaluations_record
from controlplane.runs.models import Run
from controlplane.runs.services import run_end, run_start
from controlplane.runs.states import RunState
from spark_jobs.suites import Evaluation
from tests.controlplane.quality.found import DAY, NOT_NULL, evaluation
from tests.django_database import pipeline, queue_away

__all__ = ["pipeline", "queue_away"]
pytestmark = pytest.mark.integration
Penstock = Callable[..., Result]


@pytest.fixture
def penstock(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, no_penstock_environment: None, queue_away: None
) -> Penstock:
    """The command, signed in to a control plane as an operator."""
    operator = User.objects.create_user("operator", role=Role.OPERATOR)
    _, token = token_make(user=operator, name="t", scope=Scope.WRITE, life=timedelta(days=1), actor=None)
    monkeypatch.setenv("PENSTOCK_URL", live_server.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", token)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *argv: CliRunner().invoke(app, ["quality", *argv])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "suite.json"
    made.write_text(json.dumps({"layer": "silver", "severity": "warn", "expectations": [NOT_NULL]}))
    return made


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_suite_is_tried_saved_shown_and_switched(penstock: Penstock, pipeline: Pipeline, file: Path) -> None:
    save = ("save", "mine", "--file", str(file))
    dry = penstock(*save, "--dry-run")
    assert dry.stdout.splitlines() == [
        "suite mine would have version 1",
        "layer: new -> silver",
        "severity: new -> warn",
        '+ expect_column_values_to_not_be_null {"column": "value"}',
    ]
    assert told(penstock("suites", "--json"))["results"] == []
    assert "as version 1" in penstock(*save).stdout
    assert "just this" in penstock(*save, "--dry-run").stdout
    assert told(penstock(*save, "--severity", "hold", "--reason", "it matters", "--json"))["version"] == 2
    assert penstock("show", "mine").stdout.splitlines()[0] == "suite mine v2: silver, hold"
    assert told(penstock("show", "mine", "--version", "1", "--json"))["severity"] == "warn"
    assert "no version 9" in penstock("show", "mine", "--version", "9").output
    assert "disabled" in penstock("disable", "mine").stdout
    assert "disabled" in penstock("suites").stdout
    assert told(penstock("enable", "mine", "--json"))["enabled"]


def test_what_is_shown_can_be_saved(penstock: Penstock, pipeline: Pipeline, file: Path) -> None:
    penstock("save", "mine", "--file", str(file))
    file.write_text(penstock("show", "mine", "--json").stdout)
    assert not told(penstock("save", "mine", "--file", str(file), "--dry-run", "--json"))["makes_version"]


def test_a_suite_that_is_not_right_is_refused_by_place(penstock: Penstock, pipeline: Pipeline, file: Path) -> None:
    file.write_text(json.dumps([NOT_NULL | {"arguments": {"column": "colour"}}]))
    refused = penstock("save", "mine", "--file", str(file), "--layer", "gold", "--severity", "hold")
    assert refused.exit_code == 1
    assert "expectations.0.column: no column of the table" in refused.output
    assert "--layer" in penstock("save", "mine", "--file", str(file)).output
    file.write_text("[")
    assert "is not JSON" in penstock("save", "mine", "--file", str(file)).output


def test_results_are_listed_shown_and_summed(penstock: Penstock, pipeline: Pipeline, file: Path) -> None:
    penstock("save", "mine", "--file", str(file))
    bad = evaluation("mine", "failed", samples=[{"sensor_id": "\x1b[31mred"}])
    kept = evaluations_record(pipeline=pipeline, run=1, evaluations=[Evaluation.of(bad)])
    number = str(kept["mine"].pk)
    listed = penstock("results").stdout
    assert "0 of 1" in listed
    assert f"{DAY} 00:00" in listed
    assert told(penstock("results", "--suite", "mine", "--verdict", "passed", "--json"))["results"] == []
    shown = penstock("result", number)
    assert f"suite mine v1: failed, 7 rows from {DAY}T00:00:00Z" in shown.stdout
    assert "3 unexpected" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert told(penstock("result", number, "--json"))["results"][0]["unexpected"] == 3
    assert "0.0 %" in penstock("rate").stdout
    assert told(penstock("rate", "--days", "1", "--json"))["days"][0]["evaluated"] == 1


def test_an_evaluation_is_asked_for_and_followed(
    penstock: Penstock, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worker(_: float) -> None:
        run = Run.objects.get()
        run_start(run=run, version=pipeline.versions.get())
        run_end(run=run, to=RunState.SUCCEEDED)

    monkeypatch.setattr(runs, "time", SimpleNamespace(sleep=worker))
    found = penstock("evaluate", "--hours", "3", "--follow")
    assert found.exit_code == 0, found.output
    assert "(quality): succeeded" in found.stdout
    assert Run.objects.get().parameters == {"hours": 3}


def test_the_vocabulary_has_types_arguments_and_columns(penstock: Penstock, pipeline: Pipeline) -> None:
    shown = penstock("vocabulary").stdout
    assert "expect_column_values_to_be_between: " in shown
    assert "drift_volume: " in shown
    assert "sensor_id (text)" in shown
