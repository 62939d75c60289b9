"""`penstock backfills` against a real API, with runs that end as workers end them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from cli.commands import backfills
from cli.main import app
from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.services import token_make
from controlplane.backfills.models import Backfill, Slot
from controlplane.core.roles import Role, Scope
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from pipeline_workers.backfills import backfills_advance
from tests.controlplane.backfills.days import asked, day, over, ran, reported
from tests.django_database import pipeline, queue_away

__all__ = ["pipeline", "queue_away"]
pytestmark = pytest.mark.integration
Penstock = Callable[..., Result]
RANGE = ("--from", str(day(0)), "--to", str(day(2)))


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
    return lambda *argv: CliRunner().invoke(app, ["backfills", *argv])


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], None]:
    """Where the command would sleep, a worker ends one run after the other as it is told."""

    def set_up(ends: list[str]) -> None:
        def work(_: float) -> None:
            backfills_advance()
            running = Slot.objects.filter(state="running").first()
            if running is not None and ends:
                over(running.run, ends.pop(0), "no room")

        monkeypatch.setattr(backfills, "time", SimpleNamespace(sleep=work))

    return set_up


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_dry_run_tells_what_would_be_done_and_makes_nothing(penstock: Penstock, pipeline: Pipeline) -> None:
    reported(pipeline, 0, "silver", 1234)
    run = ran(1)
    found = penstock("create", *RANGE, "--dry-run")
    assert found.exit_code == 0, found.output
    first, second = (next(line for line in found.stdout.splitlines() if str(day(at)) in line) for at in (0, 1))
    assert ("1,234" in first, "never" in first, "yes" in first) == (True, True, True)
    assert ("not known" in second, f"succeeded (run {run.pk})" in second) == (True, True)
    assert "3 of 3 days, 1,234 readings, 2 days not known" in found.stdout
    assert "assumed" in found.stdout
    assert told(penstock("create", *RANGE, "--only", "missing", "--dry-run", "--json"))["slots"] == 2
    assert not Backfill.objects.exists()


def test_a_dry_run_of_what_would_be_refused_says_why_and_exits_1(penstock: Penstock, pipeline: Pipeline) -> None:
    made = asked()
    found = penstock("create", *RANGE, "--dry-run")
    assert (found.exit_code, f"refused as things are: backfill {made.pk} is queued" in found.stdout) == (1, True)


def test_one_is_made_as_told(penstock: Penstock, pipeline: Pipeline) -> None:
    more = ("--order", "newest", "--concurrency", "2", "--only", "missing", "--throttle-lag", "7", "--reason", "why")
    made = told(penstock("create", *RANGE, *more, "--json"))
    kept = [made[name] for name in ("order", "concurrency", "only", "throttle_lag", "reason", "requested_by")]
    assert kept == ["newest", 2, "missing", 7, "why", "operator"]
    assert [slot["day"] for slot in made["slots"]] == [str(day(2)), str(day(1)), str(day(0))]


def test_it_is_followed_day_by_day_and_the_exit_tells_the_end(
    penstock: Penstock, pipeline: Pipeline, working: Callable[[list[str]], None]
) -> None:
    working(["succeeded", "failed", "succeeded"])
    followed = penstock("create", *RANGE, "--follow")
    made, (first, second, _) = Backfill.objects.get(), Run.objects.order_by("pk")
    assert followed.exit_code == 1
    lines = followed.stdout.splitlines()
    assert lines[0] == f"backfill {made.pk} ({day(0)} to {day(2)}): queued, 0 of 3 days done, 3 pending"
    assert any(line.startswith(f"  {day(0)}: succeeded in ") and f"(run {first.pk})" in line for line in lines)
    assert f"  {day(1)}: failed (run {second.pk}): no room" in lines
    assert f"failed, 2 of 3 days done, 1 failed: 1 of 3 days failed: {day(1)}" in lines[-1]

    working(["succeeded"])
    mended = penstock("retry", str(made.pk), "--only", "failed", "--follow", "--json")
    assert told(mended)["state"] == "succeeded"
    assert "succeeded, 3 of 3 days done" in mended.stderr


def test_one_that_is_cancelled_exits_3(
    penstock: Penstock, pipeline: Pipeline, working: Callable[[list[str]], None]
) -> None:
    made = asked()
    backfills_advance()
    Run.objects.update(state="running")
    working(["cancelled"])
    cancelled = penstock("cancel", str(made.pk), "--reason", "wrong days", "--follow")
    assert (cancelled.exit_code, "cancelled: wrong days" in cancelled.stdout) == (3, True)


def test_one_is_paused_resumed_listed_and_shown(penstock: Penstock, pipeline: Pipeline) -> None:
    assert "--dry-run" in penstock("list").stdout
    made = str(asked().pk)
    assert told(penstock("pause", made, "--reason", "load test", "--json"))["state"] == "paused"
    assert AuditEntry.objects.get(action="backfill.paused").reason == "load test"
    assert "paused, 0 of 3 days done, 3 pending" in penstock("show", made).stdout
    assert "queued" in penstock("resume", made).stdout
    assert [item["id"] for item in told(penstock("list", "--state", "queued", "--json"))["results"]] == [int(made)]
    assert "0 of 3 days done" in penstock("list").stdout
    shown = penstock("show", made).stdout
    assert str(day(1)) in shown
    assert "oldest first, 1 at a time, no new day over a lag of 10,000" in shown


def test_what_the_api_refuses_is_one_line_and_exit_1(penstock: Penstock, pipeline: Pipeline) -> None:
    made = str(asked().pk)
    for argv, words in (
        (["create", *RANGE], "wait for it, or cancel it"),
        (["create", "--from", str(day(3)), "--to", str(day(2))], "ends before it starts"),
        (["resume", made], "only one that is paused"),
        (["retry", made], "only one that has failed"),
        (["show", "99"], "there is no backfill 99"),
    ):
        refused = penstock(*argv)
        assert (refused.exit_code, words in refused.stderr) == (1, True), refused.output
        assert len(refused.stderr.strip().splitlines()) == 1
