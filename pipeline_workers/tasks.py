"""Celery's entry points. Each is short, and may run twice."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_process_init


@worker_init.connect
def import_ahead(**_: Any) -> None:
    """Before the pool forks: its processes share what tasks import, and none of them grows at its first task."""
    import pipeline_workers.backfills
    import pipeline_workers.commands
    import pipeline_workers.deadletters.indexing
    import pipeline_workers.deadletters.redriving
    import pipeline_workers.inquiries.answering
    import pipeline_workers.loading
    import pipeline_workers.reconciler
    import pipeline_workers.runs.advancing
    import pipeline_workers.runs.ending
    import pipeline_workers.scheduling  # noqa: F401


@worker_process_init.connect
def rehearse_load(**_: Any) -> None:
    """Behind the fork: threads, buffers and mapped pages of libraries are each process's own."""
    from pipeline_workers.loaders.gold import rehearse

    rehearse()


@shared_task(name="penstock.canary", ignore_result=False, bind=True)
def canary(self: Any) -> str:
    """Answers, and notes who did: the queue is consumed."""
    from controlplane.queue.services import worker_heard

    worker_heard(worker=self.request.hostname or "unknown")
    return "alive"


@shared_task(name="penstock.reconcile")
def reconcile() -> None:
    from controlplane.ledger.services import inquiries_recover
    from controlplane.warehouse.services import loads_recover
    from pipeline_workers.backfills import backfills_advance
    from pipeline_workers.commands import command_untold
    from pipeline_workers.deadletters.redriving import redrives_recover
    from pipeline_workers.reconciler import reconcile_all
    from pipeline_workers.scheduling import schedules_serve
    from pipeline_workers.supervision import watch_all

    reconcile_all()
    watch_all()
    schedules_serve()
    loads_recover()
    inquiries_recover()
    command_untold()
    backfills_advance()
    redrives_recover()


@shared_task(name="penstock.index_dead_letters")
def index_dead_letters() -> None:
    from pipeline_workers.deadletters.indexing import index_all
    from pipeline_workers.deadletters.outcomes import outcomes_follow

    index_all()
    outcomes_follow()


@shared_task(name="penstock.redrive")
def redrive(redrive_id: int) -> None:
    from pipeline_workers.deadletters.redriving import redrive as send

    send(redrive_id)


@shared_task(name="penstock.schedule_due")
def schedule_due(schedule_id: int) -> None:
    from controlplane.schedules.services import schedule_due as due

    due(schedule_id=schedule_id)


@shared_task(name="penstock.launch_streaming_job")
def launch_streaming_job(job_id: int, fencing_token: int) -> None:
    from pipeline_workers.reconciler import launch

    launch(job_id, fencing_token)


@shared_task(name="penstock.load_warehouse")
def load_warehouse(load_id: int) -> None:
    from pipeline_workers.loading import load

    load(load_id)


@shared_task(name="penstock.watch_ledger")
def watch_ledger() -> None:
    from pipeline_workers.inquiries.recounting import watch_all

    watch_all()


@shared_task(name="penstock.recount")
def recount() -> None:
    from pipeline_workers.inquiries.recounting import recount_all

    recount_all()


@shared_task(name="penstock.answer_inquiry")
def answer_inquiry(inquiry_id: int) -> None:
    from pipeline_workers.inquiries.answering import answer

    answer(inquiry_id)


@shared_task(name="penstock.command_simulator")
def command_simulator(pipeline_id: int) -> None:
    from pipeline_workers.commands import command_simulator as command

    command(pipeline_id)


@shared_task(name="penstock.advance_runs")
def advance_runs() -> None:
    from pipeline_workers.runs.advancing import advance_all

    advance_all()


@shared_task(name="penstock.advance_run")
def advance_run(run_id: int) -> None:
    from pipeline_workers.runs.advancing import advance

    advance(run_id)


@shared_task(name="penstock.launch_application")
def launch_application(application_id: int) -> None:
    from pipeline_workers.runs.applications import Applications

    Applications().launch(application_id)


@shared_task(name="penstock.run_ended")
def run_ended(run_id: int) -> None:
    from pipeline_workers import backfills
    from pipeline_workers.runs.ending import ended

    ended(run_id)
    backfills.run_ended(run_id)


@shared_task(name="penstock.advance_backfills")
def advance_backfills() -> None:
    from pipeline_workers.backfills import backfills_advance

    backfills_advance()


@shared_task(name="penstock.notify")
def notify() -> None:
    from pipeline_workers.notifying import notify_due

    notify_due()


@shared_task(name="penstock.sweep_outbox")
def sweep_outbox() -> None:
    from controlplane.core.outbox import sweep

    sweep()


@shared_task(name="penstock.prune_rollups")
def prune_rollups() -> None:
    from controlplane.telemetry.services import rollups_prune

    rollups_prune()
