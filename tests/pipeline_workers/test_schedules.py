"""The workers' round over schedules: limits that runs pass, tables that are stale, and workers that are heard of."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from controlplane.accounts.models import AuditEntry
from controlplane.alerts.models import Incident, Notification
from controlplane.alerts.states import IncidentKind
from controlplane.config import celery
from controlplane.core.errors import Invalid
from controlplane.pipelines.models import Pipeline
from controlplane.queue.models import WorkerHeartbeat
from controlplane.runs.models import Run
from controlplane.runs.services import run_cancel, run_end, run_start
from controlplane.runs.states import RunState
from controlplane.schedules.models import Schedule, Slot
from controlplane.schedules.services import freshness_set, schedule_change, schedule_create, schedule_switch
from controlplane.schedules.services import schedule_due as due
from controlplane.streaming.models import MicroBatch, StreamingJob
from controlplane.streaming.states import Desired, Observed
from controlplane.warehouse.models import Load, LoadStatus
from pipeline_workers import scheduling
from pipeline_workers.scheduling import schedules_serve
from pipeline_workers.tasks import canary, schedule_due
from tests.controlplane.schedules.conftest import Clock, clock, moment, nightly

__all__ = ["clock", "nightly"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db]
SLA = [IncidentKind.SLA_START, IncidentKind.SLA_END]


@pytest.fixture
def limited(clock: Clock, pipeline: Pipeline) -> Schedule:
    """Its runs have to start within 15 minutes and to be over within 120."""
    values = {"kind": "daily", "cron": "30 0 * * *", "start_within_minutes": 15, "end_within_minutes": 120}
    return schedule_create(pipeline="plant", name="nightly", values=values, actor=None)


def told(kind: str) -> list[tuple[str, str]]:
    """Cause and resolution of the incidents of a kind."""
    return list(Incident.objects.filter(kind=kind).order_by("pk").values_list("cause", "resolution"))


def round_at(clock: Clock, text: str) -> datetime:
    at = clock.at(text)
    schedules_serve()
    return at


def test_a_round_serves_what_beat_did_not_and_beats_task_finds_it_served(clock: Clock, nightly: Schedule) -> None:
    round_at(clock, "03-11 00:30:04")
    schedule_due(schedule_id=nightly.pk)
    round_at(clock, "03-11 00:30:09")
    assert (Slot.objects.count(), Run.objects.count()) == (1, 1)


def test_a_schedule_that_is_gone_is_no_error_to_beats_task(db: None) -> None:
    schedule_due(schedule_id=9)
    assert not Slot.objects.exists()


def test_one_schedule_that_goes_wrong_holds_up_no_other(
    clock: Clock, nightly: Schedule, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"kind": "maintenance", "cron": "30 0 * * *"}
    other = schedule_create(pipeline="plant", name="tidy", values=values, actor=None)

    def goes_wrong(*, schedule_id: int) -> None:
        if schedule_id == nightly.pk:
            raise RuntimeError("no")
        due(schedule_id=schedule_id)

    monkeypatch.setattr(scheduling, "schedule_due", goes_wrong)
    round_at(clock, "03-11 00:30:04")
    assert Slot.objects.get().schedule == other


def test_a_run_that_starts_and_ends_too_late_is_told_of_while_it_is_and_cleared_when_it_does(
    clock: Clock, limited: Schedule
) -> None:
    round_at(clock, "03-11 00:30:04")
    round_at(clock, "03-11 00:44:59")
    assert not Incident.objects.exists()
    for _ in range(2):
        round_at(clock, "03-11 00:45:04")
    run = Run.objects.get()
    ((cause, resolution),) = told(IncidentKind.SLA_START)
    assert cause == f"daily run {run.pk}, due at 2026-03-11 00:30 UTC, had not started 15 min later"
    assert resolution == ""
    assert (
        Notification.objects.get().subject == f"plant: daily run {run.pk} of schedule nightly has not started in time"
    )

    clock.at("03-11 00:57:00")
    run_start(run=run, version=run.pipeline.versions.get())
    for _ in range(2):
        round_at(clock, "03-11 00:57:05")
    assert told(IncidentKind.SLA_START) == [(cause, f"daily run {run.pk} started 12.0 min late")]
    assert told(IncidentKind.SLA_END) == []

    round_at(clock, "03-11 02:30:05")
    assert [words for _, words in told(IncidentKind.SLA_END)] == [""]
    clock.at("03-11 02:36:00")
    run_end(run=run, to=RunState.FAILED, cause="no room")
    for _ in range(2):
        round_at(clock, "03-11 02:36:05")
    assert [words for _, words in told(IncidentKind.SLA_END)] == [f"daily run {run.pk} failed 6.0 min late"]
    assert Notification.objects.count() == 2
    assert Slot.objects.get().settled_at == clock.now


def test_what_was_late_while_no_worker_lived_is_noted_afterwards(clock: Clock, limited: Schedule) -> None:
    round_at(clock, "03-11 00:30:04")
    run = Run.objects.get()
    clock.at("03-11 05:00")
    run_start(run=run, version=run.pipeline.versions.get())
    clock.at("03-11 05:01")
    run_end(run=run, to=RunState.SUCCEEDED)
    for _ in range(2):
        round_at(clock, "03-11 05:02")
    assert Incident.objects.filter(cleared_at=None).count() == 0
    assert [words for _, words in told(IncidentKind.SLA_START)] == [f"daily run {run.pk} started 255.0 min late"]
    assert [words for _, words in told(IncidentKind.SLA_END)] == [f"daily run {run.pk} succeeded 151.0 min late"]


def test_a_run_in_time_and_one_that_is_not_limited_are_left_in_peace(clock: Clock, nightly: Schedule) -> None:
    round_at(clock, "03-11 00:30:04")
    round_at(clock, "03-12 00:30:04")
    assert not Incident.objects.filter(kind__in=SLA).exists()


def test_a_run_that_is_cancelled_before_it_starts_is_over(clock: Clock, limited: Schedule) -> None:
    round_at(clock, "03-11 00:30:04")
    round_at(clock, "03-11 00:46")
    run_cancel(run_id=Run.objects.get().pk, actor=None)
    round_at(clock, "03-11 00:46:05")
    assert Incident.objects.get().cleared_at is not None
    round_at(clock, "03-11 08:00")
    assert Incident.objects.count() == 1


def test_what_was_late_is_not_when_its_limit_is_lifted_or_its_slot_gets_no_run(clock: Clock, limited: Schedule) -> None:
    values = {"kind": "daily", "cron": "30 0 * * *", "catch_up": "all"}
    schedule_change(pipeline="plant", name="nightly", values=values | {"start_within_minutes": 15}, actor=None)
    round_at(clock, "03-12 08:00")
    late = Incident.objects.filter(kind=IncidentKind.SLA_START, cleared_at=None)
    assert late.count() == 2, "one is queued, the other waits its turn"
    schedule_switch(pipeline="plant", name="nightly", enabled=False, actor=None)
    assert late.get().object.endswith("2026-03-11T00:30:00+00:00")
    assert ("the slot is missed: the schedule was disabled",) in Incident.objects.values_list("resolution")
    schedule_change(pipeline="plant", name="nightly", values=values, actor=None)
    round_at(clock, "03-12 08:00:05")
    assert not late.exists()


class TestTables:
    @pytest.fixture
    def job(self, clock: Clock, pipeline: Pipeline) -> StreamingJob:
        """One that runs for an hour, with a commit to every table just now."""
        StreamingJob.objects.update(
            desired=Desired.RUNNING, observed=Observed.RUNNING, launched_at=clock.now - timedelta(hours=1)
        )
        for query in ("ingest", "refine", "aggregate"):
            self.commit(pipeline, query, 0, clock.now)
        Load.objects.create(pipeline=pipeline, status=LoadStatus.SUCCEEDED, committed_at=clock.now)
        return StreamingJob.objects.get()

    @staticmethod
    def commit(pipeline: Pipeline, query: str, batch: int, at: datetime) -> None:
        row = {"generation": 1, "table_version": 1, "rows_in": 1, "seconds": 0.5, "committed_at": at}
        MicroBatch.objects.create(pipeline=pipeline, query=query, batch=batch, **row)

    def test_a_table_without_a_commit_for_longer_than_allowed_is_named_with_its_age_until_it_is_fresh(
        self, clock: Clock, job: StreamingJob
    ) -> None:
        for query in ("ingest", "aggregate"):
            self.commit(job.pipeline, query, 1, moment("03-10 12:29"))
        Load.objects.create(pipeline=job.pipeline, status=LoadStatus.SUCCEEDED, committed_at=moment("03-10 12:29"))
        round_at(clock, "03-10 12:30")
        assert not Incident.objects.exists()
        for _ in range(2):
            round_at(clock, "03-10 12:31")
        incident = Incident.objects.get()
        assert (incident.kind, incident.object) == ("table_stale", "pipeline/plant/table/silver")
        assert incident.cause == "the newest commit of silver is 31 min old; 30 min are allowed"
        assert Notification.objects.get().subject == "plant: silver is stale"

        self.commit(job.pipeline, "refine", 1, clock.now)
        round_at(clock, "03-10 12:31:05")
        assert Incident.objects.get().resolution == "silver is fresh again"

    def test_a_failed_load_makes_no_warehouse_fresh(self, clock: Clock, job: StreamingJob) -> None:
        freshness_set(pipeline="plant", limits={"warehouse": 5}, actor=None, reason="a demo")
        Load.objects.create(pipeline=job.pipeline, status=LoadStatus.FAILED, committed_at=None)
        round_at(clock, "03-10 12:06")
        assert Incident.objects.get().object == "pipeline/plant/table/warehouse"
        assert AuditEntry.objects.get(action="freshness.changed").after == {"warehouse": 5}
        freshness_set(pipeline="plant", limits={}, actor=None)
        round_at(clock, "03-10 12:06:05")
        assert Incident.objects.get().cleared_at is not None

    def test_who_stops_the_job_wants_nothing_fresh(self, clock: Clock, job: StreamingJob) -> None:
        round_at(clock, "03-10 13:00")
        assert Incident.objects.filter(cleared_at=None).count() == 4
        StreamingJob.objects.update(desired=Desired.STOPPED)
        round_at(clock, "03-10 13:00:05")
        resolutions = set(Incident.objects.values_list("resolution", flat=True))
        assert resolutions == {"the streaming job is not wanted to run any more"}

    def test_a_job_that_was_just_launched_has_two_minutes_and_one_that_commits_nothing_no_more(
        self, clock: Clock, job: StreamingJob
    ) -> None:
        clock.at("03-11 08:00")
        StreamingJob.objects.update(observed=Observed.LAUNCHING, launched_at=None)
        schedules_serve()
        StreamingJob.objects.update(observed=Observed.RUNNING, launched_at=clock.now)
        round_at(clock, "03-11 08:01:59")
        assert not Incident.objects.exists()
        round_at(clock, "03-11 08:02:00")
        assert Incident.objects.count() == 4

    def test_a_table_that_never_was_is_as_old_as_the_launch(self, clock: Clock, job: StreamingJob) -> None:
        MicroBatch.objects.filter(query="aggregate").delete()
        StreamingJob.objects.update(launched_at=moment("03-10 11:45"))
        round_at(clock, "03-10 12:16")
        assert Incident.objects.get().cause == "gold has no commit yet for 31 min; 30 min are allowed"

    @pytest.mark.parametrize("limits", [{"copper": 5}, {"gold": 0}, {"gold": 10**9}, {"gold": True}])
    def test_a_limit_that_makes_no_sense_changes_nothing(self, job: StreamingJob, limits: dict) -> None:
        with pytest.raises(Invalid) as refused:
            freshness_set(pipeline="plant", limits=limits, actor=None)
        assert list(refused.value.errors) == [f"limits.{next(iter(limits))}"]
        assert not AuditEntry.objects.filter(action="freshness.changed").exists()


def test_a_canary_leaves_the_name_of_who_took_it(db: None) -> None:
    canary.push_request(hostname="celery@here")
    try:
        assert [canary.run(), canary.run()] == ["alive", "alive"]
    finally:
        canary.pop_request()
    assert WorkerHeartbeat.objects.get().worker == "celery@here"


def test_what_is_out_of_date_expires_in_the_queue(db: None) -> None:
    """Or a queue that nobody empties would hold a night's rounds in the morning."""
    for name, entry in celery.conf.beat_schedule.items():
        ModelEntry.from_entry(name, app=celery, **entry)
    ours = PeriodicTask.objects.filter(task__startswith="penstock.")
    assert ours.count() == len(celery.conf.beat_schedule)
    assert all(task.expire_seconds for task in ours)
