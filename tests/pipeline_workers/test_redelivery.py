"""Tasks that outlive their visibility timeout: Redis hands a second copy to another worker, which does nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from celery import Celery
from django.conf import settings

from controlplane.core.models import Outbox
from controlplane.ledger.models import Inquiry
from controlplane.ledger.services import recount_request
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.warehouse.models import Load
from controlplane.warehouse.services import load_request
from pipeline_workers import loading, tasks
from pipeline_workers.inquiries import recounting
from pipeline_workers.launchers.applications import LocalApplications
from pipeline_workers.launchers.local import LocalLauncher
from pipeline_workers.loaders.base import Loaded
from pipeline_workers.loaders.postgres import PostgresLoader
from pipeline_workers.reconciler import reconcile_all
from pipeline_workers.runs import advancing
from spark_jobs.applications import ApplicationArguments
from spark_jobs.contracts import ContinuousArguments
from tests.cli.standins import until
from tests.pipeline_workers.test_postgres_loader import facts, write
from tests.pipeline_workers.test_runs import backfill

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
twice = pytest.mark.fault(10, "a task called again while its first copy runs, and after it")
TASK = "Task penstock.load_warehouse["
REQUEST = """
import django; django.setup()
from controlplane.pipelines.services import pipeline_ensure
from controlplane.warehouse.services import load_request
from pipeline_workers.loading import loader
loader().ensure_schema()
load_request(pipeline=pipeline_ensure(name="plant", topic="readings"))
"""


def arguments_of(task: str) -> dict[str, object]:
    """What the outbox has for a task, once."""
    (row,) = Outbox.objects.filter(task=task)
    return dict(row.arguments)


@twice
def test_a_second_copy_of_a_load_does_nothing(
    pipeline: Pipeline, warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, begun = str(tmp_path / "lake"), list[int]()
    monkeypatch.setitem(settings.PENSTOCK, "lake", lake)
    real = PostgresLoader(warehouse)
    real.ensure_schema()
    write(lake, {("s-1", 0): 30}, seq=1)
    load_request(pipeline=pipeline)
    told = arguments_of("penstock.load_warehouse")

    class InItsMiddle:
        def load(self, load_id: int, lake: str, held: object) -> Loaded:
            begun.append(load_id)
            tasks.load_warehouse(**told)
            return real.load(load_id, lake)

    monkeypatch.setattr(loading, "loader", InItsMiddle)
    tasks.load_warehouse(**told)
    done = Load.objects.get()
    tasks.load_warehouse(**told)
    assert begun == [done.pk]
    assert (done.status, done.readings, facts(warehouse)) == ("succeeded", 30, {("s-1", 0): 30})
    assert Load.objects.get().committed_at == done.committed_at


@twice
def test_a_second_copy_of_a_recount_does_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    recount_request(pipeline="plant", actor=None)
    told, begun = arguments_of("penstock.answer_inquiry"), list[str]()

    def counted(pipeline: Pipeline) -> dict[str, object]:
        begun.append(pipeline.name)
        tasks.answer_inquiry(**told)
        return {"recount": len(begun), "problems": [], "balanced": True}

    monkeypatch.setattr(recounting, "recount", counted)
    tasks.answer_inquiry(**told)
    done = Inquiry.objects.get()
    tasks.answer_inquiry(**told)
    after = Inquiry.objects.get()
    assert (begun, after.status, after.result) == (
        ["plant"],
        "succeeded",
        {"recount": 1, "problems": [], "balanced": True},
    )
    assert after.finished_at == done.finished_at


@twice
def test_a_second_copy_of_a_drivers_launch_starts_none(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"checkpoints": str(tmp_path / "checkpoints"), "logs": str(tmp_path), "jars": str(tmp_path)}
    for name, value in place.items():
        monkeypatch.setitem(settings.PENSTOCK, name, value)
    StreamingJob.objects.update(desired="running")
    reconcile_all()
    told, begun = arguments_of("penstock.launch_streaming_job"), list[str]()

    def launch(self: LocalLauncher, arguments: ContinuousArguments) -> int:
        begun.append(arguments.run_tag)
        tasks.launch_streaming_job(**told)
        return 2**22 + 1  # no process has such a pid

    monkeypatch.setattr(LocalLauncher, "launch", launch)
    tasks.launch_streaming_job(**told)
    tasks.launch_streaming_job(**told)
    assert begun == [StreamingJob.objects.get().run_tag]


@twice
def test_a_second_copy_of_an_applications_launch_starts_none(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lake", "workspaces", "jars"):
        monkeypatch.setitem(settings.PENSTOCK, name, str(tmp_path))
    run = backfill()
    advancing.advance_all()
    told, begun = arguments_of("penstock.launch_application"), list[str]()

    def launch(self: LocalApplications, arguments: ApplicationArguments) -> int:
        begun.append(arguments.run_tag)
        tasks.launch_application(**told)
        return 2**22 + 1

    monkeypatch.setattr(LocalApplications, "launch", launch)
    tasks.launch_application(**told)
    tasks.launch_application(**told)
    assert begun == [run.applications.get().run_tag]


@pytest.fixture
def environment(warehouse: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """That of a worker with a database and a queue of this test's own."""
    names = ("LAKE", "CHECKPOINTS", "JARS", "LOGS", "WORKSPACES")
    env = {
        **os.environ,
        **{f"PENSTOCK_{name}": str(tmp_path / "lake") for name in names},
        "PENSTOCK_SECRET_KEY": uuid4().hex,
        "PENSTOCK_DATABASE_URL": warehouse,
        "PENSTOCK_WAREHOUSE_URL": warehouse,
        "PENSTOCK_REDIS_URL": f"{redis_url.rpartition('/')[0]}/7",
        "PENSTOCK_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "DJANGO_SETTINGS_MODULE": "controlplane.config.settings.one_machine",
    }
    subprocess.run([sys.executable, "-m", "django", "migrate", "-v", "0"], env=env, check=True)
    return env


@contextmanager
def worker(env: dict[str, str], log: Path) -> Iterator[None]:
    argv = [sys.executable, "-m", "celery", "-A", "controlplane.config", "worker", "--loglevel", "INFO"]
    argv += ["--concurrency", "2", "-O", "fair", "--prefetch-multiplier", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.mark.fault(10, "Redis hands a load out again in its middle, to a worker's other process")
def test_a_load_that_is_handed_out_again_in_its_middle_is_done_once(
    environment: dict[str, str], warehouse: str, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    write(str(tmp_path / "lake"), {("s-1", 0): 30}, seq=1)
    subprocess.run([sys.executable, "-c", REQUEST], env=environment, check=True)
    with psycopg.connect(warehouse) as holder, psycopg.connect(warehouse, autocommit=True) as looking:

        def load() -> Any:
            return looking.execute("SELECT status, attempts, readings FROM warehouse_load").fetchone()

        holder.execute("LOCK TABLE load_ledger IN ACCESS EXCLUSIVE MODE")
        with worker(environment, log):
            until(lambda: load()[0] == "running", 60)
            _hand_out_again(environment["PENSTOCK_REDIS_URL"], lambda: log.read_text().count(TASK) > 1)
            until(lambda: " succeeded in " in log.read_text(), 60)
            assert load() == ("running", 0, 0)
            holder.rollback()
            until(lambda: load()[0] == "succeeded", 60)
        assert load() == ("succeeded", 0, 30)
    assert facts(warehouse) == {("s-1", 0): 30}
    ids = {line.partition(TASK)[2].partition("]")[0] for line in log.read_text().splitlines() if TASK in line}
    assert len(ids) == 1, "it was another task"


def _hand_out_again(redis_url: str, handed_out: Callable[[], bool]) -> None:
    """What a worker does for what another has not acknowledged within the visibility timeout, without the hour."""
    with Celery(broker=redis_url, set_as_current=False).connection_for_write() as connection:
        channel = connection.default_channel
        channel.visibility_timeout = 0

        def is_handed_out() -> bool:
            channel.qos.restore_visible(num=10, interval=1)
            return handed_out()

        until(is_handed_out, 60)
