"""`penstock trace`, `watermark` and `ledger` against a real API; a thread answers as a worker would."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from pytest_django.live_server_helper import LiveServer
from typer.testing import CliRunner, Result

from cli.main import app
from controlplane.accounts.models import User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Role, Scope
from controlplane.ledger.models import Inquiry
from controlplane.ledger.services import entries_record, inquiry_fail, inquiry_start, inquiry_succeed
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import Entry
from tests.cli.standins import until
from tests.django_database import pipeline, queue_away

__all__ = ["pipeline", "queue_away"]
pytestmark = pytest.mark.integration
Penstock = Callable[..., Result]
TRACED = {
    "found": True, "words": "it waits for the next load", "problems": [],
    "records": [{"topic": "t", "partition": 0, "offset": 7, "steps": [
        {"layer": "kafka", "state": "present", "words": "it is in t partition 0 offset 7", "detail": {"bytes": 2}},
        {"layer": "warehouse", "state": "waiting", "words": "it waits for the next load", "detail": {}},
    ]}],
}  # fmt: skip
DELAYED = {
    "readings": 2000, "first_day": "2026-03-01", "last_day": "2026-03-02", "own_minutes": 10.0, "problems": [],
    "types": [{"sensor_type": "humidity", "readings": 2000, "behind": 9, "delays": {"p50": 0.0, "max": 1200.0}}],
    "watermarks": [
        {"minutes": 5.0, "own": False, "deferred": 7, "by_type": {"humidity": 7}},
        {"minutes": 10.0, "own": True, "deferred": 3, "by_type": {"humidity": 3}},
    ],
}  # fmt: skip


@pytest.fixture
def penstock(
    live_server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
    no_penstock_environment: None,
    queue_away: None,
    pipeline: Pipeline,
) -> Penstock:
    """The command, signed in to a control plane as somebody who may look."""
    viewer = User.objects.create_user("viewer", role=Role.VIEWER)
    _, token = token_make(user=viewer, name="t", scope=Scope.WRITE, life=timedelta(days=1), actor=None)
    monkeypatch.setenv("PENSTOCK_URL", live_server.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", token)
    return lambda *argv: CliRunner().invoke(app, list(argv))


@contextmanager
def worker(answer: dict[str, Any] | str) -> Iterator[list[Any]]:
    """Answers the next inquiry, or fails it with these words; gives its question."""
    asked: list[Any] = []

    def work() -> None:
        try:
            until(lambda: Inquiry.objects.filter(status="requested").exists())
            inquiry = inquiry_start(inquiry_id=Inquiry.objects.get(status="requested").pk)
            assert inquiry is not None
            asked.append(inquiry.question)
            if isinstance(answer, str):
                inquiry_fail(inquiry_id=inquiry.pk, reason=answer)
            else:
                inquiry_succeed(inquiry_id=inquiry.pk, result=answer)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield asked
    finally:
        thread.join()


def test_a_reading_is_traced_by_sensor_and_time(penstock: Penstock) -> None:
    with worker(TRACED) as asked:
        done = penstock("trace", "t-1", "2026-03-01T12:00:00+01:00")
    assert done.exit_code == 0, done.output
    assert asked == [{"sensor_id": "t-1", "timestamp": "2026-03-01T11:00:00+00:00"}]
    assert "t partition 0 offset 7" in done.output
    assert "it waits for the next load" in done.output


def test_or_by_its_place_as_json_and_what_no_layer_has_is_an_exit_code(penstock: Penstock) -> None:
    with worker(TRACED) as asked:
        done = penstock("trace", "--partition", "0", "--offset", "7", "--json")
    assert json.loads(done.stdout) == TRACED
    assert asked == [{"partition": 0, "offset": 7}]
    with worker({**TRACED, "found": False, "records": []}):
        assert penstock("trace", "t-1", "2026-03-01T12:00:00Z").exit_code == 1


def test_what_others_wrote_is_shown_as_it_is_and_commands_no_terminal(penstock: Penstock) -> None:
    words = "it was discarded: [/dim] [red]odd\x1b[2J"
    step = {"layer": "dead_letters", "state": "stopped", "words": words, "detail": {"sent_to": {"topic": "[/x]"}}}
    record = {"topic": "[/t]", "partition": 0, "offset": 7, "steps": [step]}
    with worker({"found": True, "words": words, "problems": [], "records": [record]}):
        done = penstock("trace", "t-1", "2026-03-01T12:00:00+01:00")
    assert done.exit_code == 0, done.output
    assert done.output.count("[/dim] [red]odd\ufffd[2J") == 2
    assert "sent to (topic [/x])" in done.output


@pytest.mark.parametrize(
    "argv",
    [[], ["t-1"], ["--partition", "1"], ["t-1", "2026-03-01T12:00Z", "--partition", "1", "--offset", "1"],
     ["t-1", "2026-03-01T12:00Z", "--topic", "t"], ["t-1", "noon"], ["--partition", "0", "--offset", "-1"]],
)  # fmt: skip
def test_what_is_no_question_is_refused_and_nothing_asked(penstock: Penstock, argv: list[str]) -> None:
    done = penstock("trace", *argv)
    assert done.exit_code == 1
    assert not Inquiry.objects.exists()


def test_a_trace_that_failed_says_why(penstock: Penstock) -> None:
    with worker("the lake cannot be read"):
        done = penstock("trace", "t-1", "2026-03-01T12:00:00Z")
    assert done.exit_code == 1
    assert "the trace failed: the lake cannot be read" in done.output


def test_watermarks_are_shown_with_what_each_would_have_deferred(penstock: Penstock) -> None:
    with worker(DELAYED) as asked:
        done = penstock("watermark", "--minutes", "5", "--first-day", "2026-03-01")
    assert done.exit_code == 0, done.output
    assert asked == [{"minutes": [5.0], "first_day": "2026-03-01"}]
    assert "0.350 %" in done.output
    assert "the pipeline's own" in done.output
    with worker({**DELAYED, "readings": 0, "types": []}):
        assert "Bronze has no reading that arrived then" in penstock("watermark").output


def test_the_accounts_are_shown_by_hour_with_what_does_not_hold(penstock: Penstock, pipeline: Pipeline) -> None:
    assert "nothing was counted in these hours" in penstock("ledger", "show", "--by-hour").output
    entries = [Entry(3600 * 494_000, "kafka", 3), Entry(3600 * 494_000, "accepted", 2)]
    entries_record(pipeline=pipeline, query="ingest", generation=1, batch=0, entries=entries)
    shown = penstock("ledger", "show", "--by-hour").output
    assert "2026-05-10 08:00" in shown
    assert "3 ≠ 2" in " ".join(shown.split())
    (hour,) = json.loads(penstock("ledger", "show", "--by-hour", "--json").stdout)["hours"]
    assert hour["balanced"] is False
    assert penstock("ledger", "show", "--since", "2026-05-10T08:00Z").exit_code == 1
