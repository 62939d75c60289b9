"""The example DAGs in a real Airflow, against a server that answers as Penstock does. `make test-airflow` runs it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.utils.db import initdb

DAGS = Path(__file__).parent / "dags"
TOKEN = "a-token"


class Penstock(ThreadingHTTPServer):
    """Keeps what it is asked; a run or backfill goes through `states`, one at each look, and stays in the last."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, Any] | None]] = []
        self.states = ["succeeded"]

    def answer(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        if method == "POST":
            return 202, {"id": 7}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return 200, {"id": 7, "state": state, "cause": "the disk is full" if state == "failed" else ""}


class Handler(BaseHTTPRequestHandler):
    server: Penstock

    def handle_one(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, json.loads(sent) if sent else None))
        trusted = self.headers["Authorization"] == f"Bearer {TOKEN}"
        status, answer = self.server.answer(self.command, self.path) if trusted else (401, {"title": "who is it?"})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_GET = do_POST = handle_one

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def penstock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Penstock]:
    server = Penstock()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = {"conn_type": "http", "host": "127.0.0.1", "port": server.server_port, "password": TOKEN}
    monkeypatch.setenv("AIRFLOW_CONN_PENSTOCK", json.dumps(connection))
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def bag() -> BundleDagBag:
    initdb()
    return BundleDagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")


def run(bag: BundleDagBag, name: str, **told: Any) -> Any:
    return bag.dags[name].test(run_conf=told)


def states(run: Any) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


def test_both_dags_are_imported_without_an_error(bag: BundleDagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {"penstock_daily", "penstock_backfill"}
    assert not os.environ.get("PYTHONPATH")  # nothing of Penstock is within reach


def test_the_daily_run_is_asked_for_and_waited_for(bag: BundleDagBag, penstock: Penstock) -> None:
    penstock.states = ["running", "succeeded"]
    done = run(bag, "penstock_daily", day="2026-03-01", pipeline="plant/../x", reason="late sensors")
    assert str(done.state) == "success", states(done)
    assert penstock.asked[0] == (
        "POST",
        "/api/v1/pipelines/plant%2F..%2Fx/runs",
        {"kind": "daily", "first_day": "2026-03-01", "reason": "late sensors"},
    )
    # Looked at twice while it went on, and once by the teardown, which leaves it alone.
    assert penstock.asked[1:] == [("GET", "/api/v1/runs/7", None)] * 3


def test_a_run_that_fails_fails_the_dag(bag: BundleDagBag, penstock: Penstock) -> None:
    penstock.states = ["failed"]
    done = run(bag, "penstock_daily")
    assert str(done.state) == "failed"
    assert states(done)["ended"] == "failed"
    assert not [path for method, path, _ in penstock.asked[1:] if method == "POST"]


def test_a_backfill_that_nobody_waits_for_any_more_is_cancelled(
    bag: BundleDagBag, penstock: Penstock, monkeypatch: pytest.MonkeyPatch
) -> None:
    penstock.states = ["running"]
    monkeypatch.setattr(bag.dags["penstock_backfill"].get_task("ended"), "timeout", 0)
    told = {"first_day": "2026-03-01", "last_day": "2026-03-02", "reason": "a new range"}
    done = run(bag, "penstock_backfill", **told)
    assert str(done.state) == "failed"
    assert penstock.asked[0] == ("POST", "/api/v1/pipelines/plant/backfills", told)
    assert penstock.asked[-1] == ("POST", "/api/v1/backfills/7/cancel", {"reason": "a new range"})
    assert states(done)["cancel"] == "success"
