from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.utils import timezone

from controlplane.alerts.models import Incident
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.services import job_desire
from controlplane.streaming.states import Desired, Observed
from pipeline_workers import reconciler
from pipeline_workers.launchers import local
from pipeline_workers.launchers.base import Life
from pipeline_workers.launchers.local import LocalLauncher
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
            process.kill()
            process.wait(10)


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
    os.kill(job.pid, signal.SIGKILL)
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
