"""`penstock dead-letters` against a real API and a real Kafka, with redrives that a worker sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from cli.commands import deadletters
from cli.main import app
from controlplane.accounts.models import User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Role, Scope
from controlplane.deadletters.models import DeadLetter, Redrive
from controlplane.pipelines.models import Pipeline
from pipeline_workers.deadletters.indexing import index
from pipeline_workers.deadletters.redriving import redrive
from tests.django_database import pipeline, queue_away, topic
from tests.pipeline_workers.deadletters.bronze import TO_NUMBER, reading, refuse

__all__ = ["pipeline", "queue_away", "topic"]
pytestmark = pytest.mark.integration
Penstock = Callable[..., Result]


@pytest.fixture
def penstock(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, no_penstock_environment: None, queue_away: None
) -> Penstock:
    """The command, signed in to a control plane as an operator. Where it would sleep, a worker sends redrives."""
    operator = User.objects.create_user("operator", role=Role.OPERATOR)
    _, token = token_make(user=operator, name="t", scope=Scope.WRITE, life=timedelta(days=1), actor=None)
    monkeypatch.setenv("PENSTOCK_URL", live_server.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", token)
    monkeypatch.setenv("COLUMNS", "200")
    work = SimpleNamespace(sleep=lambda _: redrive(Redrive.objects.latest("pk").pk))
    monkeypatch.setattr(deadletters, "time", work)
    return lambda *argv: CliRunner().invoke(app, ["dead-letters", *argv])


@pytest.fixture
def letters(pipeline: Pipeline, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[DeadLetter]:
    """Two that a cast mends, and one that it does not."""
    monkeypatch.setitem(settings.PENSTOCK, "lake", str(tmp_path / "lake"))
    refuse(str(tmp_path / "lake"), pipeline, [reading(1), reading(2), reading(3, value="\x1b[31mwarm")])
    index(pipeline)
    return list(DeadLetter.objects.order_by("pk"))


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    made = tmp_path / "mapping.json"
    made.write_text(json.dumps(TO_NUMBER))
    return str(made)


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_letters_are_mended_redriven_and_looked_at(penstock: Penstock, letters: list[DeadLetter], mapping: str) -> None:
    (group,) = told(penstock("groups", "--json"))["results"]
    dry = penstock("mend", "--group", str(group["id"]), "--mapping", mapping, "--dry-run")
    assert "3 open letters: 2 would now pass" in dry.stdout
    assert "1 cannot be mended: operation 1, cast: value is no finite number" in dry.stdout
    assert '"value":21.5' in dry.stdout
    assert told(penstock("redrive", "--mapping", mapping, "--dry-run", "--json"))["would_pass"] == 2
    done = penstock("redrive", "--group", str(group["id"]), "--mapping", mapping, "--reason", "firmware", "--follow")
    assert done.exit_code == 0, done.output
    assert "succeeded, 2 of 3 letters sent, 1 left open" in done.stdout
    number = str(Redrive.objects.get().pk)
    assert told(penstock("redrives", "show", number, "--json"))["sent"] == 2
    assert f"redrive {number}: succeeded" in penstock("redrives", "list").stdout
    assert [item["status"] for item in told(penstock("list", "--status", "redriven", "--json"))["results"]] == [
        "redriven", "redriven"
    ]  # fmt: skip
    assert "there is nothing" not in penstock("redrives", "cancel", number).output
    assert "wrong_type" in penstock("groups").stdout


def test_letters_are_discarded_reopened_and_downloaded(penstock: Penstock, letters: list[DeadLetter]) -> None:
    assert "1 letters discarded" in penstock("discard", "--search", "t-1", "--reason", "a rig").stdout
    assert told(penstock("reopen", "--json")) == {"letters": 1}
    lines = penstock("download", "--refused-as", "wrong_type").stdout.splitlines()
    assert [json.loads(line)["offset"] for line in lines] == [2, 1, 0]
    refused = penstock("discard", "--search", "t-1")
    assert (refused.exit_code, "makes no sense" in refused.output or "needs a reason" in refused.output) == (1, True)


def test_what_a_payload_says_does_nothing_to_a_terminal(
    penstock: Penstock, letters: list[DeadLetter], pipeline: Pipeline
) -> None:
    refuse(settings.PENSTOCK["lake"], pipeline, [b"\x1b[31mwarm"], batch=1, first=3, reason="malformed_json")
    index(pipeline)
    for argv in (["list"], ["show", str(DeadLetter.objects.latest("pk").pk)], ["mend"]):
        shown = penstock(*argv)
        assert shown.exit_code == 0, shown.output
        assert "\x1b" not in shown.stdout
        assert "warm" in shown.stdout


def test_a_mapping_that_is_no_json_is_refused_here(
    penstock: Penstock, letters: list[DeadLetter], tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text("[")
    refused = penstock("mend", "--mapping", str(tmp_path / "bad.json"))
    assert (refused.exit_code, "is not JSON" in refused.output) == (1, True)
