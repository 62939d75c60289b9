"""The life of an application, with stages that are none of Spark's."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs.applications import LOCK, TEMPORARY, BatchArguments, MaintenanceArguments, Outcome, StageState
from spark_jobs.contracts import SensorTypeSpec
from spark_jobs.jobs.application import Done, Stages, serve
from tests.cli.standins import until

ARGUMENTS = BatchArguments(
    pipeline="plant",
    run_tag="tag",
    run=7,
    attempt=1,
    stages=("bronze_to_silver", "silver_to_gold"),
    workspace="",
    lake="lake",
    bootstrap_servers="localhost:1",
    telemetry_topic="telemetry",
    first_day="2026-01-01",
    last_day="2026-01-02",
    version=3,
    jars=("a.jar",),
    sensor_types=(SensorTypeSpec("temperature", "celsius", -20, 60, -40, 85, 1.0),),
)


@pytest.fixture
def told(tmp_path: Path) -> BatchArguments:
    arguments = replace(ARGUMENTS, workspace=str(tmp_path / "work"))
    (tmp_path / "arguments.json").write_text(arguments.to_json(), encoding="utf-8")
    return arguments


def run(told: BatchArguments, stages: Callable[[BatchArguments], Stages]) -> int:
    return serve(["job", f"{Path(told.workspace).parent}/arguments.json"], BatchArguments, "usage", stages)


def outcome(told: BatchArguments) -> Outcome:
    found = Outcome.read(Path(told.workspace))
    assert found is not None
    return found


def test_arguments_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "arguments.json"
    path.write_text(ARGUMENTS.to_json(), encoding="utf-8")
    assert BatchArguments.read(str(path)) == ARGUMENTS
    with pytest.raises(ValueError, match=r"unknown arguments: .*first_day"):
        MaintenanceArguments.read(str(path))


def test_stages_are_done_in_order_and_told_of(told: BatchArguments) -> None:
    seen: list[list[str]] = []

    def stages(arguments: BatchArguments) -> Stages:
        def stage(rows: int) -> Callable[[], Done]:
            def do() -> Done:
                seen.append([stage.state for stage in outcome(told).stages])
                return Done(rows, rows - 1, {"duplicates": 1})

            return do

        return {"silver_to_gold": stage(2), "bronze_to_silver": stage(1)}

    assert run(told, stages) == 0
    assert seen == [["running", "pending"], ["succeeded", "running"]]
    done = outcome(told)
    assert (done.code, done.reason, done.run_tag) == (0, "", "tag")
    assert [(stage.rows_in, stage.rows_out, stage.detail) for stage in done.stages] == [
        (1, 0, {"duplicates": 1}),
        (2, 1, {"duplicates": 1}),
    ]


def test_a_stage_that_raises_ends_the_application_with_its_cause(
    told: BatchArguments, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Done:
        (Path(told.workspace) / TEMPORARY).mkdir()
        raise RuntimeError("the disk\nis full")

    assert run(told, lambda _: {"bronze_to_silver": fail}) == 1
    done = outcome(told)
    assert (done.code, done.reason) == (1, "the disk is full")
    assert [stage.state for stage in done.stages] == [StageState.FAILED, StageState.PENDING]
    assert capfd.readouterr().err.splitlines()[-1] == "the disk is full"
    assert not (Path(told.workspace) / TEMPORARY).exists()


def test_a_held_workspace_is_left_alone(told: BatchArguments) -> None:
    workspace = Path(told.workspace)
    workspace.mkdir()
    with (workspace / LOCK).open("a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(told, lambda _: {}) == 3
    assert Outcome.read(workspace) is None


def test_arguments_that_cannot_be_used_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "arguments.json"
    path.write_text('{"pipeline": "plant"}', encoding="utf-8")
    assert serve(["job", str(path)], BatchArguments, "usage", lambda _: {}) == 2
    assert "missing" in capfd.readouterr().err


def test_a_signal_ends_a_stage_and_is_told(told: BatchArguments) -> None:
    code = (
        "import sys, threading; from spark_jobs.applications import BatchArguments;"
        "from spark_jobs.jobs.application import serve;"
        "wait = lambda: threading.Event().wait(60);"
        "sys.exit(serve(sys.argv, BatchArguments, '', lambda _: {'bronze_to_silver': wait}))"
    )
    arguments = f"{Path(told.workspace).parent}/arguments.json"
    process = subprocess.Popen([sys.executable, "-c", code, arguments])
    workspace = Path(told.workspace)
    until(lambda: (workspace / LOCK).exists() and bool((workspace / LOCK).read_text()), 30)
    assert json.loads((workspace / LOCK).read_text())["pid"] == process.pid
    until(lambda: (found := Outcome.read(workspace)) is not None and found.stages[0].state == "running", 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert outcome(told).reason == "ended by SIGTERM"
