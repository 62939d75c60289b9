"""Tasks that outlive their visibility timeout: Redis hands a second copy to another worker, which does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from controlplane.core.models import Outbox
from controlplane.ledger.models import LedgerVerification
from controlplane.ledger.services import verification_request
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.warehouse.models import Load
from controlplane.warehouse.services import load_request
from pipeline_workers import loading, recounting, tasks
from pipeline_workers.launchers.applications import LocalApplications
from pipeline_workers.launchers.local import LocalLauncher
from pipeline_workers.loaders.base import Loaded
from pipeline_workers.loaders.postgres import PostgresLoader
from pipeline_workers.reconciler import reconcile_all
from pipeline_workers.runs import advancing
from spark_jobs.applications import ApplicationArguments
from spark_jobs.contracts import ContinuousArguments
from tests.pipeline_workers.test_postgres_loader import facts, write
from tests.pipeline_workers.test_runs import backfill

pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db,
    pytest.mark.fault(10, "the task handed out again while its first copy runs, and after it"),
]


def arguments_of(task: str) -> dict[str, object]:
    """What the outbox has for a task, once."""
    (row,) = Outbox.objects.filter(task=task)
    return dict(row.arguments)


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
        def load(self, load_id: int, lake: str) -> Loaded:
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


def test_a_second_copy_of_a_recount_does_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    verification_request(pipeline="plant", actor=None)
    told, begun = arguments_of("penstock.verify_ledger"), list[str]()

    def verify(name: str) -> dict[str, object]:
        begun.append(name)
        tasks.verify_ledger(**told)
        return {"recount": len(begun)}

    monkeypatch.setattr(recounting, "verify", verify)
    tasks.verify_ledger(**told)
    done = LedgerVerification.objects.get()
    tasks.verify_ledger(**told)
    after = LedgerVerification.objects.get()
    assert (begun, after.status, after.result) == (["plant"], "succeeded", {"recount": 1})
    assert after.finished_at == done.finished_at


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
