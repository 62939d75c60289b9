"""`penstock pipelines` against a real API; how a job is waited for is told by answers that come one after another."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from cli.commands import waiting
from cli.embedded.errors import StackError
from cli.main import app
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Role, Scope
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.services import version_make
from controlplane.streaming.models import PartitionProgress, StreamingJob
from tests.django_database import no_broker, pipeline, queue_away, topic

__all__ = ["no_broker", "pipeline", "queue_away", "topic"]
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
    return lambda *argv: CliRunner().invoke(app, ["pipelines", *argv])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.integration
class TestAgainstTheApi:
    def test_pipelines_and_their_versions_are_listed_and_shown(self, penstock: Penstock, pipeline: Pipeline) -> None:
        version_make(pipeline="plant", configuration={"zscore_threshold": 4.5}, actor=None, reason="")
        assert [item["name"] for item in told(penstock("list", "--json"))["results"]] == ["plant"]
        assert [item["number"] for item in told(penstock("versions", "--json"))["results"]] == [2, 1]
        assert told(penstock("show", "--json"))["streaming_job"]["observed"] == "stopped"
        assert "plant" in penstock("list").stdout
        assert "4.5" in penstock("versions").stdout
        assert "driver stopped, wanted stopped" in penstock("show", "--pipeline", "plant").stdout

    def test_what_is_asked_for_has_its_reason_and_its_person_in_the_audit_log(
        self, penstock: Penstock, topic: str
    ) -> None:
        for action, desired in (
            ("start", "running"),
            ("restart", "running"),
            ("drain", "stopped"),
            ("stop", "stopped"),
        ):
            assert told(penstock(action, "--reason", "shift change", "--json"))["desired"] == desired
            entry = AuditEntry.objects.get(action=f"streaming_job.{action}")
            assert (str(entry.actor), entry.reason) == ("operator", "shift change")

    def test_a_preflight_that_is_not_safe_exits_1_and_a_restart_is_refused_unless_accepted(
        self, penstock: Penstock, topic: str, pipeline: Pipeline
    ) -> None:
        assert penstock("preflight").exit_code == 0
        StreamingJob.objects.update(desired="running", observed="running", fencing_token=1)
        PartitionProgress.objects.create(pipeline=pipeline, partition=1, next_offset=9)
        found = penstock("preflight")
        assert (found.exit_code, "backfill partition 1 from offset 9" in found.stdout) == (1, True)
        assert json.loads(penstock("preflight", "--version", "1", "--json").stdout)["verdict"] == "new_checkpoint"
        refused = penstock("restart")
        assert (refused.exit_code, "backfill from" in refused.stderr) == (1, True)
        assert told(penstock("restart", "--accept", "--json"))["fencing_token"] == 1

    def test_a_rollback_makes_a_version(self, penstock: Penstock, topic: str, pipeline: Pipeline) -> None:
        version_make(pipeline="plant", configuration={"zscore_threshold": 4.5}, actor=None, reason="")
        assert penstock("rollback", "1", "--wait").exit_code == 0
        assert pipeline.versions.count() == 3

    def test_what_the_api_refuses_is_one_line_and_exit_1(
        self, penstock: Penstock, pipeline: Pipeline, no_broker: None
    ) -> None:
        for argv in (["start"], ["show", "--pipeline", "../tokens"], ["rollback", "7"]):
            refused = penstock(*argv)
            assert (refused.exit_code, len(refused.stderr.strip().splitlines())) == (1, 1)
            assert refused.stderr.startswith("error: ")

    def test_a_job_that_is_as_it_was_asked_to_be_is_not_waited_for(
        self, penstock: Penstock, pipeline: Pipeline
    ) -> None:
        assert told(penstock("stop", "--wait", "--json"))["observed"] == "stopped"


def job(observed: str, desired: str = "running", launch: int = 1, moves: int = 0) -> dict[str, Any]:
    told = {"observed": observed, "desired": desired, "fencing_token": launch, "reason": "no room"}
    return told | {"moves": [{"at": str(moves)}]}


def settled(*answers: dict[str, Any], target: str = "running", newer: bool = False, seconds: float = 60) -> Any:
    coming = iter(answers)
    return waiting.until_settled(lambda: next(coming), target, answers[0], newer_launch=newer, seconds=seconds)


class TestWaiting:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(waiting, "POLL_SECONDS", 0)

    def test_a_start_has_come_when_the_driver_runs_and_a_restart_when_the_next_one_does(self) -> None:
        assert settled(job("stopped"), job("launching"), job("running", launch=2))["fencing_token"] == 2
        answers = [job("running"), job("draining"), job("running", launch=2)]
        assert settled(*answers, newer=True)["fencing_token"] == 2

    def test_what_was_given_up_before_is_not_a_failure_of_this_start(self) -> None:
        assert settled(job("failed"), job("failed"), job("running", moves=1))["observed"] == "running"
        with pytest.raises(StackError, match="given up: no room"):
            settled(job("failed"), job("launching", moves=1), job("failed", moves=2))

    def test_a_stop_has_come_when_nothing_runs(self) -> None:
        for observed in ("stopped", "failed"):
            assert settled(job("draining", "stopped"), job(observed, "stopped"), target="stopped")

    def test_who_waits_is_told_when_somebody_else_wants_something_else(self) -> None:
        with pytest.raises(StackError, match="wanted stopped meanwhile"):
            settled(job("stopped"), job("launching", desired="stopped"))

    def test_waiting_ends(self) -> None:
        with pytest.raises(StackError, match="launching after 0 s: no room"):
            settled(job("launching"), seconds=0)
