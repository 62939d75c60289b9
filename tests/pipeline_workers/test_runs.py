"""Runs brought about by workers: real processes in the place of the applications, killed and cancelled for real."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from controlplane.alerts.models import Incident, Notification
from controlplane.core.errors import IllegalMove
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Application, LogChunk, Run
from controlplane.runs.services import run_cancel, run_request, run_retry
from controlplane.runs.states import RunState
from controlplane.streaming.models import MicroBatch, StreamingJob
from controlplane.streaming.states import Desired, Observed
from controlplane.warehouse.models import Load, LoadStatus
from pipeline_workers.runs import advancing, applications
from pipeline_workers.runs.applications import Applications
from pipeline_workers.runs.ending import ended
from pipeline_workers.runs.stages import load, quality
from pipeline_workers.verification.days import DayCheck
from spark_jobs.applications import BatchArguments
from spark_jobs.contracts import Query
from tests.cli.standins import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db,
    # An application belongs to no worker: nobody waits for its process.
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
DAY = date(2026, 3, 9)
SPARK = ("bronze_to_silver", "silver_to_gold", "evaluate")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the stand-ins are told what to do. What still runs at the end is ended."""
    lake = tmp_path / "lake"
    lake.mkdir()
    monkeypatch.setattr(BatchArguments, "module", "tests.pipeline_workers.standin_application")
    monkeypatch.setitem(settings.PENSTOCK, "lake", str(lake))
    monkeypatch.setitem(settings.PENSTOCK, "workspaces", str(tmp_path / "workspaces"))
    monkeypatch.setitem(settings.PENSTOCK, "jars", str(tmp_path))
    yield lake
    for process in standins(tmp_path):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake's own checks and Gold's version have tests of their own."""
    monkeypatch.setattr(quality, "check_days", lambda *_: DayCheck(7, 7, {}, ()))

    class Gold:
        def __init__(self, path: str) -> None: ...

        def version(self) -> int:
            return 5

    monkeypatch.setattr(load.deltalake, "DeltaTable", Gold)


def standins(folder: Path) -> list[psutil.Process]:
    children = [item for item in psutil.Process().children() if item.status() != psutil.STATUS_ZOMBIE]
    return [item for item in children if any(str(folder) in word for word in item.cmdline())]


def turn(run: Run) -> Run:
    """A round of the workers, with the launches that it asked for; every task runs twice."""
    advancing.advance_all()
    for row in Outbox.objects.filter(task="penstock.launch_application", sent_at=None):
        Applications().launch(**row.arguments)
        Applications().launch(**row.arguments)
        Outbox.objects.filter(pk=row.pk).update(sent_at=timezone.now())
    return Run.objects.get(pk=run.pk)


def until_turned(run: Run, so: Callable[[Run], bool]) -> Run:
    until(lambda: so(turn(run)), 30)
    return Run.objects.get(pk=run.pk)


def states(run: Run) -> dict[str, str]:
    return dict(run.stages.values_list("name", "state"))


def backfill(days: int = 1) -> Run:
    day = DAY - timedelta(days=days - 1)
    return run_request(pipeline="plant", kind="backfill", first_day=day, last_day=day)


def loaded(pipeline: Pipeline) -> None:
    """The load that the run asked for is done."""
    for waiting in pipeline.loads.filter(status=LoadStatus.REQUESTED):
        done = {"status": LoadStatus.SUCCEEDED, "gold_version": 5, "readings": 7, "started_at": timezone.now()}
        Load.objects.filter(pk=waiting.pk).update(**done)


def application(run: Run, state: str = "launched") -> Application:
    return run.applications.get(state=state)


def process_of(run: Run) -> psutil.Process:
    pid = application(run).pid
    assert pid is not None
    return psutil.Process(pid)


def begun(run: Run, stage: str = SPARK[0]) -> Run:
    """Until the application says that it is in a stage."""
    return until_turned(run, lambda now: now.applications.filter(log__text__contains=f"{stage} of").exists())


def test_a_run_goes_from_queued_to_succeeded(pipeline: Pipeline, lake: Path) -> None:
    for stage in SPARK:
        (lake / stage).write_text("7")
    run = until_turned(backfill(), lambda now: states(now)["load"] == "running")
    loaded(pipeline)
    run = until_turned(run, lambda now: now.is_over)
    assert (run.state, run.cause, run.waiting) == (RunState.SUCCEEDED, "", "")
    assert set(states(run).values()) == {"succeeded"}
    assert [(stage.rows_in, stage.rows_out) for stage in run.stages.all()] == [*[(7, 7)] * 4, (None, 7)]
    assert all(stage.started_at <= stage.ended_at for stage in run.stages.all())
    assert [move.after for move in run.moves.order_by("pk")] == ["running", "succeeded"]
    only = run.applications.get()
    assert (only.number, only.state, only.code, only.stages) == (1, "ended", 0, list(SPARK))
    assert run.version is not None
    assert "bronze_to_silver of" in "".join(LogChunk.objects.order_by("pk").values_list("text", flat=True))
    assert not (Path(settings.PENSTOCK["workspaces"]) / str(run.pk) / "1").exists()
    assert Outbox.objects.filter(task="penstock.run_ended", arguments={"run_id": run.pk}).count() == 1


def test_an_application_that_is_killed_is_launched_anew(pipeline: Pipeline, lake: Path) -> None:
    (lake / SPARK[0]).write_text("7")
    run = begun(backfill(), SPARK[1])
    process_of(run).kill()
    run = until_turned(run, lambda now: now.applications.filter(number=2, state="launched").exists())
    second = application(run)
    assert second.stages == ["silver_to_gold", "evaluate"]  # what is done is not done again
    (lake / SPARK[1]).write_text("7")
    run = until_turned(run, lambda now: states(now)[SPARK[1]] == "succeeded")
    attempts = [(item.number, item.state) for item in run.stages.get(name=SPARK[1]).attempts.all()]
    assert attempts == [(1, "failed"), (2, "succeeded")]
    first = run.applications.get(number=1)
    assert first.code is None
    assert first.cause.startswith("the application died without a word")


def test_an_application_that_others_end_is_launched_anew_however_often(pipeline: Pipeline, lake: Path) -> None:
    run = begun(backfill())
    for number in (2, 3, 4, 5):
        process_of(run).terminate()
        run = until_turned(run, lambda now, n=number: now.applications.filter(number=n, log__start=0).exists())
    assert {item.cause for item in run.applications.exclude(number=5)} == {"ended by SIGTERM"}


def test_an_application_that_dies_again_and_again_fails_the_run(pipeline: Pipeline, lake: Path) -> None:
    run = backfill()
    for number in (1, 2, 3):
        run = until_turned(run, lambda now, n=number: now.applications.filter(number=n, state="launched").exists())
        until(lambda now=run: application(now).pid is not None, 10)
        process_of(run).kill()
    run = until_turned(run, lambda now: now.is_over)
    assert run.state == RunState.FAILED
    assert "its application died 3 times" in run.cause


def test_a_stage_that_fails_fails_the_run_with_the_cause_and_is_retried_from_there(
    pipeline: Pipeline, lake: Path
) -> None:
    (lake / SPARK[0]).write_text("7")
    (lake / SPARK[1]).write_text("Gold is not there")
    run = until_turned(backfill(), lambda now: now.is_over)
    assert (run.state, run.cause) == (RunState.FAILED, "silver to gold: Gold is not there")
    assert list(states(run).values()) == ["succeeded", "failed", "pending", "pending", "pending"]
    for stage in SPARK[1:]:
        (lake / stage).write_text("7")
    run_retry(run_id=run.pk, actor=None)
    run = until_turned(run, lambda now: states(now)["load"] == "running")
    assert run.retries == 1
    assert run.stages.get(name=SPARK[0]).attempts.count() == 1
    assert run.stages.get(name=SPARK[1]).attempts.count() == 2


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_cancelled_run_is_over_when_its_application_is_dead(
    stubborn: bool, pipeline: Pipeline, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stubborn:
        (lake / "stubborn").touch()
        monkeypatch.setattr(applications, "STOP_GRACE", timedelta(seconds=0.3))
    run = begun(backfill())
    process = process_of(run)
    run = run_cancel(run_id=run.pk, actor=None, reason="no longer needed")
    assert (run.state, process.is_running()) == (RunState.CANCELLING, True)
    with pytest.raises(IllegalMove, match="already"):
        run_cancel(run_id=run.pk, actor=None)
    run = until_turned(run, lambda now: now.is_over)
    assert run.state == RunState.CANCELLED
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert set(states(run).values()) == {"cancelled"}
    assert run.cause == "cancelled: no longer needed"
    with pytest.raises(IllegalMove, match="over"):
        run_cancel(run_id=run.pk, actor=None)


def test_a_run_is_cancelled_before_its_application_is_launched(pipeline: Pipeline, lake: Path) -> None:
    run = backfill()
    advancing.advance_all()
    run_cancel(run_id=run.pk, actor=None)
    run = turn(run)
    assert run.state == RunState.CANCELLED
    assert standins(lake.parent) == []


def test_a_launch_that_the_queue_lost_is_asked_for_again(
    pipeline: Pipeline, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = backfill()
    advancing.advance_all()
    Outbox.objects.filter(task="penstock.launch_application").delete()
    monkeypatch.setattr(applications, "FORGOTTEN", timedelta(0))
    begun(run)


def test_a_worker_that_dies_in_a_launch_costs_nothing(
    pipeline: Pipeline, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = backfill()
    advancing.advance_all()
    # As it is when a worker has won the launch and was killed before it started a process.
    run.applications.update(state="launched", launched_at=timezone.now() - timedelta(minutes=1))
    run = until_turned(run, lambda now: now.applications.filter(number=2).exists())
    begun(run)


def test_an_application_outlives_its_worker_and_is_followed_by_the_next(pipeline: Pipeline, lake: Path) -> None:
    run = begun(backfill())
    # As it is when the worker was killed before it noted what it had launched: the lock tells.
    run.applications.update(pid=None, launched_at=timezone.now() - timedelta(minutes=1))
    for stage in SPARK:
        (lake / stage).write_text("7")
    run = until_turned(run, lambda now: states(now)[SPARK[1]] == "succeeded")
    assert run.applications.count() == 1


def test_runs_take_turns_where_one_application_may_live(pipeline: Pipeline, lake: Path) -> None:
    first, second = backfill(1), backfill(2)
    turn(first)
    second.refresh_from_db()
    assert second.state == RunState.RUNNING
    assert second.waiting == f"backfill run {first.pk} has the only application that may run"
    assert second.applications.count() == 0
    for stage in SPARK:
        (lake / stage).write_text("7")
    until_turned(second, lambda now: states(now)["load"] == "running")


def test_a_round_does_nothing_while_another_worker_has_the_turn(pipeline: Pipeline, lake: Path) -> None:
    import psycopg

    run = backfill()
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", (advancing.TURNS, run.pk))
        advancing.advance(run.pk)
        run.refresh_from_db()
        assert run.state == RunState.QUEUED
        other.execute("SELECT pg_advisory_unlock(%s, %s)", (advancing.TURNS, run.pk))
    advancing.advance(run.pk)
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


class TestDaily:
    @pytest.fixture
    def job(self, pipeline: Pipeline) -> StreamingJob:
        StreamingJob.objects.filter(pipeline=pipeline).update(desired=Desired.RUNNING, observed=Observed.RUNNING)
        return StreamingJob.objects.get(pipeline=pipeline)

    def run(self, **parameters: str | int) -> Run:
        return run_request(pipeline="plant", kind="daily", first_day=DAY, parameters=parameters)

    def committed(self, pipeline: Pipeline, minutes: float) -> None:
        at = timezone.now() - timedelta(minutes=minutes)
        figures = {"generation": 1, "batch": 1, "table_version": 1, "rows_in": 1, "seconds": 1.0}
        MicroBatch.objects.create(pipeline=pipeline, query=Query.INGEST, committed_at=at, **figures)

    def test_a_fresh_source_lets_it_pass(self, job: StreamingJob, pipeline: Pipeline, lake: Path) -> None:
        self.committed(pipeline, minutes=1)
        run = turn(self.run())
        assert states(run) | {"quality": "", "load": ""} == {
            "ensure_stream": "succeeded", "freshness": "succeeded", "bronze_to_silver": "running",
            "silver_to_gold": "pending", "evaluate": "pending", "quality": "", "load": "",
        }  # fmt: skip

    def test_a_stale_source_is_waited_for(self, job: StreamingJob, pipeline: Pipeline, lake: Path) -> None:
        self.committed(pipeline, minutes=45)
        run = turn(self.run())
        assert run.waiting == "the newest batch of ingest is 45 min old; 30 min are allowed"
        MicroBatch.objects.update(committed_at=timezone.now())
        assert states(turn(run))["freshness"] == "succeeded"

    def test_waiting_has_an_end(self, job: StreamingJob, pipeline: Pipeline, lake: Path) -> None:
        run = turn(self.run(wait_minutes=5))
        run.stages.filter(name="freshness").update(started_at=timezone.now() - timedelta(minutes=6))
        run = turn(run)
        assert (run.state, run.cause) == (
            RunState.FAILED,
            "freshness: ingest has committed no batch yet; 30 min are allowed; waited 6 min",
        )

    @pytest.mark.parametrize(("stale", "state"), [("refuse", "failed"), ("warn", "succeeded")])
    def test_a_stale_source_is_refused_or_warned_of(
        self, stale: str, state: str, job: StreamingJob, pipeline: Pipeline, lake: Path
    ) -> None:
        self.committed(pipeline, minutes=45)
        run = turn(self.run(stale=stale))
        assert states(run)["freshness"] == state
        told = run.cause or run.stages.get(name="freshness").detail["warning"]
        assert "45 min old" in told

    def test_a_job_that_was_given_up_is_not_started_behind_a_persons_back(self, job: StreamingJob, lake: Path) -> None:
        StreamingJob.objects.update(observed=Observed.FAILED, reason="the disk is full")
        run = turn(self.run())
        assert run.state == RunState.FAILED
        assert "given up: the disk is full" in run.cause

    def test_a_job_that_is_not_wanted_is_left_where_that_is_asked(self, pipeline: Pipeline, lake: Path) -> None:
        run = turn(self.run(stream="leave", stale="warn"))
        assert states(run)["ensure_stream"] == "succeeded"
        assert StreamingJob.objects.get().desired == Desired.STOPPED

    def test_a_broker_that_does_not_answer_is_waited_for(self, pipeline: Pipeline, lake: Path, no_broker: None) -> None:
        run = turn(self.run())
        assert "cannot be read" in run.waiting
        assert StreamingJob.objects.get().desired == Desired.STOPPED

    def test_a_day_that_does_not_pass_the_check_is_not_loaded(
        self, job: StreamingJob, pipeline: Pipeline, lake: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quality, "check_days", lambda *_: DayCheck(7, 7, {}, ("2 readings that are there twice",)))
        self.committed(pipeline, minutes=1)
        for stage in SPARK:
            (lake / stage).write_text("7")
        run = until_turned(self.run(), lambda now: now.is_over)
        assert run.cause == "quality: 2 readings that are there twice"
        assert pipeline.loads.count() == 0


def test_a_failed_run_is_an_incident_until_one_like_it_succeeds(pipeline: Pipeline) -> None:
    run = run_request(pipeline="plant", kind="daily")
    Run.objects.filter(pk=run.pk).update(state=RunState.FAILED, cause="load: no warehouse")
    ended(run.pk)
    ended(run.pk)
    opened = Incident.objects.get()
    assert (opened.kind, opened.cause) == ("run_failed", f"daily run {run.pk}: load: no warehouse")
    told = Notification.objects.get()
    assert told.subject == f"plant: daily run {run.pk} failed"
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
    ended(run.pk)
    opened.refresh_from_db()
    assert opened.resolution == f"daily run {run.pk} succeeded"


def test_a_run_of_a_backfill_tells_nobody_by_itself(pipeline: Pipeline) -> None:
    run = backfill()
    Run.objects.filter(pk=run.pk).update(state=RunState.FAILED, cause="load: no warehouse")
    ended(run.pk)
    assert not Incident.objects.exists()
    assert not Notification.objects.exists()
