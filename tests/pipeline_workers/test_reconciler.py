from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import psutil
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from controlplane.accounts.models import AuditEntry
from controlplane.alerts.models import Incident
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.services import version_make
from controlplane.streaming.models import PartitionProgress, StreamingJob
from controlplane.streaming.services import driver_reported, job_desire, job_restart, job_stop
from controlplane.streaming.states import Desired, Observed
from pipeline_workers import reconciler
from pipeline_workers.launchers import local
from pipeline_workers.launchers.base import Life
from pipeline_workers.launchers.local import LocalLauncher
from spark_jobs.contracts import DriverReport
from tests.pipeline_workers.test_postgres_loader import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalLauncher]:
    monkeypatch.setattr(local, "MODULE", "tests.pipeline_workers.standin_driver")
    place = {"lake": "lake", "checkpoints": str(tmp_path / "checkpoints"), "jars": "jars", "bootstrap_servers": "none"}
    monkeypatch.setitem(settings.PENSTOCK, "logs", str(tmp_path))
    for name, value in place.items():
        monkeypatch.setitem(settings.PENSTOCK, name, value)
    yield LocalLauncher(str(tmp_path))
    for process in psutil.Process().children():
        if any("standin_driver" in item for item in process.cmdline()):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture(autouse=True)
def told_of_deaths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would ask the queue for a round at once, which these tests make themselves."""
    told: list[str] = []
    monkeypatch.setattr(reconciler, "look_again", lambda: told.append("look again"))
    return told


@pytest.fixture
def job(pipeline: Pipeline) -> StreamingJob:
    return StreamingJob.objects.get(pipeline=pipeline)


def turn(job: StreamingJob, launcher: LocalLauncher) -> StreamingJob:
    """A round of the reconciler, and the launches that it asked for."""
    reconciler.reconcile_all(launcher)
    for row in Outbox.objects.filter(task="penstock.launch_streaming_job"):
        reconciler.launch(**row.arguments, using=launcher)
        reconciler.launch(**row.arguments, using=launcher)  # a task may run twice
    return StreamingJob.objects.select_related("version", "pipeline").get(pk=job.pk)


def running(job: StreamingJob, launcher: LocalLauncher) -> StreamingJob:
    job_desire(pipeline="plant", desired=Desired.RUNNING)
    job = turn(job, launcher)
    arguments = reconciler.arguments_of(job)
    wait_for(lambda: launcher.probe(arguments, None).life == Life.ALIVE)
    return job


def drivers(tmp: str) -> list[psutil.Process]:
    return [item for item in psutil.Process().children() if any(tmp in word for word in item.cmdline())]


def kill(job: StreamingJob) -> None:
    assert job.pid is not None
    os.killpg(job.pid, signal.SIGKILL)
    psutil.Process(job.pid).wait(10)


def test_a_wanted_job_is_launched_once_however_often_it_is_looked_at(
    job: StreamingJob, launcher: LocalLauncher, tmp_path: Path
) -> None:
    job = running(job, launcher)
    assert (job.observed, job.fencing_token) == (Observed.LAUNCHING, 1)
    again = turn(job, launcher)
    assert (again.fencing_token, again.pid) == (1, job.pid)
    assert len(drivers(str(tmp_path))) == 1


def test_a_killed_driver_is_launched_anew_with_the_next_fencing_token(
    job: StreamingJob, launcher: LocalLauncher, tmp_path: Path
) -> None:
    job = running(job, launcher)
    kill(job)
    StreamingJob.objects.filter(pk=job.pk).update(next_attempt_at=None)
    after = turn(job, launcher)
    assert (after.observed, after.fencing_token) == (Observed.LAUNCHING, 2)
    assert after.run_tag != job.run_tag
    assert [move.after for move in job.moves.order_by("id")] == ["launching", "stopped", "launching"]
    wait_for(lambda: launcher.probe(reconciler.arguments_of(after), None).run_tag == after.run_tag)


def test_a_death_is_told_of_at_once_and_once_however_often_the_driver_was_looked_at(
    job: StreamingJob, launcher: LocalLauncher, told_of_deaths: list[str]
) -> None:
    job = running(job, launcher)
    for _ in range(3):
        turn(job, launcher)
    found = launcher.probe(reconciler.arguments_of(job), None)
    assert found.started is not None
    another = list[str]()
    launcher.watch(replace(found, started=found.started - 1), lambda: another.append("of its pid's last holder"))
    assert told_of_deaths == []
    kill(job)
    wait_for(lambda: bool(told_of_deaths), seconds=5)
    assert (told_of_deaths, another) == (["look again"], [])


@pytest.mark.fault(11, "a driver runs that the control plane has lost sight of")
def test_nothing_is_launched_while_somebody_holds_the_checkpoint(
    job: StreamingJob, launcher: LocalLauncher, tmp_path: Path
) -> None:
    job = running(job, launcher)
    # As after a worker died before it noted what it had launched.
    StreamingJob.objects.filter(pk=job.pk).update(observed=Observed.STOPPED, pid=None, next_attempt_at=None)
    adopted = turn(job, launcher)
    assert (adopted.observed, adopted.fencing_token, adopted.pid) == (Observed.LAUNCHING, 1, job.pid)
    assert len(drivers(str(tmp_path))) == 1


def test_a_driver_that_lives_and_says_nothing_is_unknown(job: StreamingJob, launcher: LocalLauncher) -> None:
    job = running(job, launcher)
    long_ago = timezone.now() - timedelta(minutes=1)
    StreamingJob.objects.filter(pk=job.pk).update(
        observed=Observed.RUNNING, heartbeat_at=long_ago, launched_at=long_ago
    )
    assert turn(job, launcher).observed == Observed.UNKNOWN


def test_a_job_that_is_not_wanted_is_drained_and_found_stopped(job: StreamingJob, launcher: LocalLauncher) -> None:
    job = running(job, launcher)
    job_desire(pipeline="plant", desired=Desired.STOPPED)
    assert turn(job, launcher).observed == Observed.DRAINING
    assert job.pid is not None
    psutil.Process(job.pid).wait(10)
    assert turn(job, launcher).observed == Observed.STOPPED


def reason_of(job: StreamingJob) -> str:
    """Why it stopped, which is kept in its history too."""
    newest = job.moves.order_by("-pk")[0]
    assert (job.observed, newest.after, newest.reason) == (Observed.STOPPED, Observed.STOPPED, job.reason)
    return job.reason


def test_a_job_that_was_drained_says_so_and_its_next_launch_does_not(
    job: StreamingJob, launcher: LocalLauncher
) -> None:
    job = running(job, launcher)
    job_desire(pipeline="plant", desired=Desired.STOPPED)
    turn(job, launcher)
    assert job.pid is not None
    psutil.Process(job.pid).wait(10)
    assert reason_of(turn(job, launcher)) == "drained"
    again = running(job, launcher)
    assert (again.observed, again.reason) == (Observed.LAUNCHING, "")
    kill(again)
    assert reason_of(turn(job, launcher)) == "it died without a word", "what an earlier launch said is no word of this"


def test_a_job_that_was_stopped_at_once_says_so(job: StreamingJob, launcher: LocalLauncher) -> None:
    job = running(job, launcher)
    job_stop(pipeline="plant", actor=None)
    turn(job, launcher)
    assert job.pid is not None
    psutil.Process(job.pid).wait(10)
    assert reason_of(turn(job, launcher)) == "stopped at once, as asked"


@pytest.mark.parametrize("asked", [False, True])
def test_a_driver_that_was_killed_died_without_a_word_whatever_the_log_has(
    job: StreamingJob, launcher: LocalLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    monkeypatch.setenv("STANDIN", "stubborn")
    job = running(job, launcher)
    (tmp_path / "driver.log").write_text("\tat org.apache.spark.Some$.thing(Some.scala:7)\n")
    if asked:
        job_desire(pipeline="plant", desired=Desired.STOPPED)
        turn(job, launcher)
    kill(job)
    StreamingJob.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert reason_of(turn(job, launcher)) == f"it died without a word{' while it drained' if asked else ''}"


def test_one_that_did_not_drain_in_time_was_ended(
    job: StreamingJob, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN", "stubborn")
    job = running(job, launcher)
    job_desire(pipeline="plant", desired=Desired.STOPPED)
    turn(job, launcher)
    StreamingJob.objects.update(drain_asked_at=timezone.now() - reconciler.DRAIN_GRACE - timedelta(seconds=1))
    turn(job, launcher)
    assert job.pid is not None
    psutil.Process(job.pid).wait(10)
    assert reason_of(turn(job, launcher)) == "ended, as it had not drained in 90 s"


def test_a_driver_that_refused_to_start_is_quoted(
    job: StreamingJob, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN", "refuse")
    job_desire(pipeline="plant", desired=Desired.RUNNING)
    job = turn(job, launcher)
    assert job.pid is not None
    psutil.Process(job.pid).wait(10)
    StreamingJob.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert reason_of(turn(job, launcher)) == "the topic was made anew"


def test_what_a_driver_reported_of_its_failure_is_kept_when_it_is_found_dead(
    job: StreamingJob, launcher: LocalLauncher
) -> None:
    job = running(job, launcher)
    told = {"pipeline": "plant", "run_tag": job.run_tag, "fencing_token": job.fencing_token, "pid": job.pid}
    for state, reason in (
        ("running", ""),
        ("draining", ""),
        ("failed", "query ingest failed: no room"),
        ("failed", ""),
    ):
        driver_reported(report=DriverReport(at=time.time(), state=state, reason=reason, **told))
    kill(job)
    StreamingJob.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    job = turn(job, launcher)
    assert reason_of(job) == "query ingest failed: no room"
    StreamingJob.objects.update(next_attempt_at=None, attempts=1)
    again = turn(job, launcher)
    assert (again.observed, again.reason, again.last_words) == (Observed.LAUNCHING, job.reason, "")


def test_after_its_tries_a_job_is_given_up_with_the_reason(job: StreamingJob, launcher: LocalLauncher) -> None:
    job = running(job, launcher)
    kill(job)
    StreamingJob.objects.filter(pk=job.pk).update(attempts=reconciler.MAX_ATTEMPTS)
    after = turn(job, launcher)
    assert after.observed == Observed.FAILED
    assert f"given up after {reconciler.MAX_ATTEMPTS} tries" in after.reason
    assert turn(job, launcher).observed == Observed.FAILED
    assert Incident.objects.get().cause == after.reason
    job_desire(pipeline="plant", desired=Desired.RUNNING)
    assert turn(job, launcher).observed == Observed.LAUNCHING


def test_a_driver_is_told_no_secret_of_the_control_plane(
    job: StreamingJob, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "postgresql://somebody:secret@nowhere/x")
    job = running(job, launcher)
    assert job.pid is not None
    assert "PENSTOCK_DATABASE_URL" not in psutil.Process(job.pid).environ()
    path = Path(reconciler.arguments_of(job).checkpoint) / "arguments.json"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_driver_started_ends_before_the_next_is_launched(
    job: StreamingJob, launcher: LocalLauncher
) -> None:
    job = running(job, launcher)
    assert job.pid is not None
    driver = psutil.Process(job.pid)
    (child,) = driver.children()
    driver.kill()
    driver.wait(10)
    assert child.is_running()
    StreamingJob.objects.filter(pk=job.pk).update(next_attempt_at=None)
    after = turn(job, launcher)
    assert after.fencing_token == 2
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, seconds=5)
    wait_for(lambda: launcher.probe(reconciler.arguments_of(after), None).run_tag == after.run_tag)


def test_each_try_waits_twice_as_long_as_the_one_before(job: StreamingJob, launcher: LocalLauncher) -> None:
    job = running(job, launcher)
    pauses = []
    for _ in range(3):
        kill(job)
        dead = turn(job, launcher)
        assert (dead.observed, dead.fencing_token) == (Observed.STOPPED, job.fencing_token), "it waits"
        StreamingJob.objects.filter(pk=job.pk).update(next_attempt_at=timezone.now())
        before = timezone.now()
        job = turn(job, launcher)
        assert (job.observed, job.fencing_token) == (Observed.LAUNCHING, dead.fencing_token + 1)
        pauses.append((job.next_attempt_at - before).total_seconds())
        wait_for(lambda now=job: launcher.probe(reconciler.arguments_of(now), None).life == Life.ALIVE)
    assert [round(pause) for pause in pauses] == [2, 4, 8]


def test_a_restart_drains_and_launches_the_newest_version_without_a_pause(
    job: StreamingJob, pipeline: Pipeline, launcher: LocalLauncher, topic: str, tmp_path: Path
) -> None:
    job = running(job, launcher)
    version_make(pipeline="plant", configuration={"zscore_threshold": 4.5}, actor=None, reason="")
    for _ in range(2):  # of two operators at once
        job_restart(pipeline="plant", actor=None)
    assert turn(job, launcher).observed == Observed.DRAINING
    assert job.pid is not None
    psutil.Process(job.pid).wait(10)
    after = turn(job, launcher)
    assert (after.observed, after.fencing_token) == (Observed.LAUNCHING, 2)
    assert after.version is not None
    assert after.version.number == 2
    wait_for(lambda: launcher.probe(reconciler.arguments_of(after), None).run_tag == after.run_tag)
    assert turn(job, launcher).fencing_token == 2
    assert len(drivers(str(tmp_path))) == 1


def test_stop_ends_the_driver_and_its_child_at_once_and_a_second_time_changes_nothing(
    job: StreamingJob, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN", "stubborn")
    job = running(job, launcher)
    assert job.pid is not None
    (child,) = psutil.Process(job.pid).children()
    job_stop(pipeline="plant", actor=None)
    job_stop(pipeline="plant", actor=None)
    assert turn(job, launcher).observed == Observed.DRAINING
    psutil.Process(job.pid).wait(10)
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert turn(job, launcher).observed == Observed.STOPPED
    job_stop(pipeline="plant", actor=None)
    assert turn(job, launcher).observed == Observed.STOPPED


def test_a_drain_that_takes_too_long_ends_the_driver_and_asking_again_gives_no_more_time(
    job: StreamingJob, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN", "stubborn")
    job = running(job, launcher)
    job_desire(pipeline="plant", desired=Desired.STOPPED)
    asked = turn(job, launcher).drain_asked_at
    assert asked is not None
    assert job.pid is not None
    assert psutil.pid_exists(job.pid)
    StreamingJob.objects.update(drain_asked_at=asked - reconciler.DRAIN_GRACE)
    job_desire(pipeline="plant", desired=Desired.STOPPED)
    turn(job, launcher)
    psutil.Process(job.pid).wait(10)
    assert turn(job, launcher).observed == Observed.STOPPED


def test_a_process_that_took_over_the_pid_is_neither_drained_nor_ended(
    job: StreamingJob, launcher: LocalLauncher
) -> None:
    job = running(job, launcher)
    found = launcher.probe(reconciler.arguments_of(job), None)
    assert found.started is not None
    other = replace(found, started=found.started - 1)
    launcher.drain(other)
    launcher.stop(other)
    assert launcher.probe(reconciler.arguments_of(job), None) == found
    assert psutil.Process(job.pid).is_running()


def test_a_holder_that_is_no_driver_of_the_checkpoint_is_unknown(
    job: StreamingJob, launcher: LocalLauncher, tmp_path: Path
) -> None:
    arguments = reconciler.arguments_of(running(job, launcher))
    lock = Path(arguments.checkpoint) / "driver.lock"
    lock.write_text(json.dumps({"run_tag": arguments.run_tag, "pid": os.getpid(), "started": 0}))
    found = launcher.probe(arguments, None)
    assert (found.life, found.pid) == (Life.UNKNOWN, None)


@pytest.mark.fault(12, "the whole checkpoint deleted")
def test_a_job_whose_checkpoint_is_gone_is_given_up_rather_than_counted_anew(
    job: StreamingJob, pipeline: Pipeline, launcher: LocalLauncher, tmp_path: Path
) -> None:
    PartitionProgress.objects.create(pipeline=pipeline, partition=0, next_offset=500)
    job_desire(pipeline="plant", desired=Desired.RUNNING)
    after = turn(job, launcher)
    assert (after.observed, after.fencing_token) == (Observed.FAILED, 0)
    assert "the checkpoint holds nothing" in after.reason
    assert Incident.objects.get().cause == after.reason
    assert drivers(str(tmp_path)) == []


@pytest.mark.django_db(transaction=True)
def test_of_operators_and_workers_at_once_every_one_is_heard_and_one_driver_is_there(
    pipeline: Pipeline, launcher: LocalLauncher, topic: str, queue_away: None, tmp_path: Path
) -> None:
    job = running(StreamingJob.objects.get(), launcher)
    together = Barrier(6)

    def at_once(act: Callable[[], object]) -> None:
        together.wait(30)
        try:
            act()
        finally:
            connection.close()

    acts = [lambda: job_restart(pipeline="plant", actor=None), lambda: reconciler.reconcile_all(launcher)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(at_once, acts * 3))
    wait_for(lambda: turn(job, launcher).fencing_token == 2)
    after = turn(job, launcher)
    wait_for(lambda: launcher.probe(reconciler.arguments_of(after), None).run_tag == after.run_tag)
    assert turn(job, launcher).fencing_token == 2
    assert len([item for item in drivers(str(tmp_path)) if item.status() != psutil.STATUS_ZOMBIE]) == 1
    assert AuditEntry.objects.filter(action="streaming_job.restart").count() == 3
