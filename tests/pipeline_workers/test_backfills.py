"""Backfills on their way: the workers' round, with runs that end as workers end them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from controlplane.accounts.models import AuditEntry
from controlplane.alerts.models import Incident, Notification
from controlplane.backfills.models import Backfill
from controlplane.backfills.services import (
    backfill_cancel,
    backfill_pause,
    backfill_request,
    backfill_resume,
    backfill_retry,
)
from controlplane.backfills.services.commands import Overlapping
from controlplane.core.errors import IllegalMove
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.runs.services import run_cancel, run_request, run_retry
from controlplane.streaming.models import PartitionProgress, StreamingJob
from controlplane.telemetry.services import ends_take
from pipeline_workers import backfills, tasks
from pipeline_workers.backfills import backfills_advance
from tests.controlplane.backfills.days import asked, day, over, ran, states

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
SUCCEEDED, FAILED = "succeeded", "failed"


@pytest.fixture
def lag(pipeline: Pipeline) -> Any:
    """Sets the live lag of a stream that is wanted to run."""
    StreamingJob.objects.update(desired="running", observed="running")
    PartitionProgress.objects.create(pipeline=pipeline, partition=0, next_offset=0)
    return lambda readings: ends_take(pipeline=pipeline, ends={0: readings})


def running(backfill: Backfill) -> list[Run]:
    return [slot.run for slot in backfill.slots.filter(state="running").select_related("run")]


def end_all(backfill: Backfill, state: str = SUCCEEDED) -> None:
    """Round after round, until nothing of it runs."""
    backfills_advance()
    while runs := running(backfill):
        over(runs[0], state, "no room" if state == FAILED else "")


def now(backfill: Backfill) -> Backfill:
    backfill.refresh_from_db()
    return backfill


class TestStarting:
    def test_a_slot_starts_a_run_of_its_day_and_the_end_of_that_starts_the_next(self, pipeline: Pipeline) -> None:
        made = asked(2, reason="recalibrated")
        backfills_advance()
        (run,) = running(made)
        assert (run.kind, run.trigger, run.reason) == ("backfill", f"backfill/{made.pk}", "recalibrated")
        assert (run.first_day, run.last_day) == (day(0), day(0))
        stages = ["bronze_to_silver", "silver_to_gold", "evaluate", "quality", "load"]
        assert list(run.stages.values_list("name", flat=True)) == stages
        assert (now(made).state, made.started_at is None) == ("running", False)
        backfills_advance()
        assert states(made) == ["running", "pending"]
        over(run)
        assert states(made) == [SUCCEEDED, "running"]
        over(running(made)[0])
        assert (now(made).state, made.ended_at is None, made.cause) == (SUCCEEDED, False, "")
        assert list(made.moves.values_list("after", flat=True)) == ["running", SUCCEEDED]
        assert not Incident.objects.exists()

    def test_as_many_run_as_its_concurrency_allows(self, pipeline: Pipeline) -> None:
        made = asked(5, concurrency=2, order="newest")
        backfills_advance()
        assert [run.first_day for run in running(made)] == [day(4), day(3)]
        over(running(made)[1])
        assert states(made) == ["running", SUCCEEDED, "running", "pending", "pending"]

    def test_a_command_leaves_a_task_that_starts_it_at_once(self, pipeline: Pipeline) -> None:
        made = asked(1)
        assert Outbox.objects.filter(task=tasks.advance_backfills.name).exists()
        tasks.advance_backfills()
        assert states(made) == ["running"]

    def test_a_round_that_was_lost_is_made_up_for_by_the_next(self, pipeline: Pipeline) -> None:
        made = asked(2)
        backfills_advance()
        Run.objects.filter(pk=running(made)[0].pk).update(state=SUCCEEDED)
        backfills_advance()
        assert states(made) == [SUCCEEDED, "running"]

    def test_a_worker_that_dies_between_slot_and_run_leaves_neither(
        self, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = asked(1)
        with monkeypatch.context() as patched:
            patched.setattr("controlplane.backfills.services.progress.slot_move", lambda **_: 1 / 0)
            backfills_advance()
        assert (states(made), Run.objects.count(), now(made).state) == (["pending"], 0, "queued")
        backfills_advance()
        assert (states(made), Run.objects.count()) == (["running"], 1)

    def test_a_day_that_another_run_works_on_waits_and_the_others_do_not(self, pipeline: Pipeline) -> None:
        made = asked(2)
        other = run_request(pipeline="plant", kind="daily", first_day=day(0))
        backfills_advance()
        assert states(made) == ["pending", "running"]
        assert now(made).waiting == f"daily run {other.pk} works on {day(0)}"
        over(running(made)[0])
        assert now(made).state == "running"
        over(other)
        backfills_advance()
        assert (states(made), now(made).waiting) == (["running", SUCCEEDED], "")

    def test_one_that_cannot_be_advanced_does_not_hold_up_the_others(
        self, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = asked(1)
        second = backfill_request(pipeline="plant", first_day=day(5))
        real = backfills.slot_start
        broken = {first.slots.get().pk}
        monkeypatch.setattr(backfills, "slot_start", lambda slot: 1 / 0 if slot.pk in broken else real(slot=slot))
        backfills_advance()
        assert (states(first), states(second)) == (["pending"], ["running"])


class TestThrottle:
    def test_no_slot_starts_over_the_lag_until_it_is_below_half_of_that(self, pipeline: Pipeline, lag: Any) -> None:
        made = asked(3, throttle_lag=1000)
        lag(1001)
        backfills_advance()
        assert (states(made)[0], now(made).throttled, made.state) == ("pending", True, "queued")
        assert made.waiting == "the live lag is 1,001 readings, more than 1,000"
        lag(500)
        backfills_advance()
        assert (states(made)[0], now(made).waiting) == (
            "pending",
            "the live lag is 500 readings, not yet below half of 1,000",
        )
        lag(499)
        backfills_advance()
        assert (states(made)[0], now(made).throttled, made.waiting) == ("running", False, "")
        lag(1000)
        over(running(made)[0])
        assert states(made) == [SUCCEEDED, "running", "pending"], "at the limit it goes on"
        lag(5000)
        over(running(made)[0])
        assert states(made) == [SUCCEEDED, SUCCEEDED, "pending"], "what ran has ended by itself"
        assert now(made).throttled

    def test_a_limit_of_nothing_goes_on_when_nothing_waits(self, pipeline: Pipeline, lag: Any) -> None:
        made = asked(1, throttle_lag=0)
        lag(1)
        backfills_advance()
        assert states(made) == ["pending"]
        lag(0)
        backfills_advance()
        assert states(made) == ["running"]

    def test_a_lag_that_is_not_known_holds_nothing_back_and_that_is_said(self, pipeline: Pipeline, lag: Any) -> None:
        made = asked(2, throttle_lag=0)
        lag(50)
        PartitionProgress.objects.update(end_at=timezone.now() - timedelta(minutes=1))
        backfills_advance()
        assert states(made) == ["running", "pending"]
        assert now(made).waiting == "the live lag is not known, and holds nothing back"

    def test_a_stream_that_is_not_wanted_to_run_holds_nothing_back(self, pipeline: Pipeline, lag: Any) -> None:
        made = asked(1, throttle_lag=0)
        lag(50)
        StreamingJob.objects.update(desired="stopped")
        backfills_advance()
        assert (states(made), now(made).waiting) == (["running"], "")


class TestPausing:
    def test_what_runs_ends_by_itself_and_nothing_new_starts_until_resumed(self, pipeline: Pipeline) -> None:
        made = asked(3, concurrency=2)
        backfills_advance()
        backfill_pause(backfill_id=made.pk, actor=None, reason="load test")
        over(running(made)[0])
        backfills_advance()
        assert (states(made), now(made).state) == ([SUCCEEDED, "running", "pending"], "paused")
        backfill_resume(backfill_id=made.pk, actor=None)
        backfills_advance()
        assert (states(made), now(made).state) == ([SUCCEEDED, "running", "running"], "running")
        reasons = list(made.moves.values_list("after", "reason"))
        assert reasons == [("running", ""), ("paused", "paused: load test"), ("running", "resumed")]

    def test_one_that_has_nothing_left_ends_while_it_is_paused(self, pipeline: Pipeline) -> None:
        made = asked(1)
        backfills_advance()
        backfill_pause(backfill_id=made.pk, actor=None)
        over(running(made)[0])
        assert now(made).state == SUCCEEDED

    def test_one_that_never_began_is_queued_again(self, pipeline: Pipeline) -> None:
        made = asked(1)
        backfill_pause(backfill_id=made.pk, actor=None)
        assert backfill_resume(backfill_id=made.pk, actor=None).state == "queued"


class TestCancelling:
    def test_it_is_cancelled_only_when_its_runs_are_over(self, pipeline: Pipeline) -> None:
        made = asked(4, concurrency=2)
        backfills_advance()
        first, second = running(made)
        over(first)
        third = running(made)[-1]
        Run.objects.filter(pk__in=[second.pk, third.pk]).update(state="running")
        backfill_cancel(backfill_id=made.pk, actor=None, reason="wrong days")
        assert (now(made).state, states(made)) == ("cancelling", [SUCCEEDED, "running", "running", "cancelled"])
        second.refresh_from_db()
        assert (second.state, second.cause) == (
            "cancelling",
            f"cancelled: backfill {made.pk} was cancelled: wrong days",
        )
        over(second, "cancelled")
        assert now(made).state == "cancelling"
        over(third, "cancelled")
        assert (now(made).state, made.cause) == ("cancelled", "cancelled: wrong days")
        assert states(made) == [SUCCEEDED, "cancelled", "cancelled", "cancelled"]
        assert not Incident.objects.exists()

    def test_one_of_which_nothing_runs_is_over_at_once(self, pipeline: Pipeline) -> None:
        made = asked(2)
        assert backfill_cancel(backfill_id=made.pk, actor=None).state == "cancelled"
        other = asked(2)
        backfills_advance()
        backfill_cancel(backfill_id=other.pk, actor=None)
        assert (now(other).state, Run.objects.get().state) == ("cancelled", "cancelled"), "its run was queued"

    def test_a_run_that_somebody_takes_up_again_meanwhile_ends_too(self, pipeline: Pipeline) -> None:
        made = asked(2, concurrency=2)
        backfills_advance()
        first, second = running(made)
        over(first, FAILED)
        Run.objects.filter(pk=second.pk).update(state="running")
        backfill_cancel(backfill_id=made.pk, actor=None)
        run_retry(run_id=first.pk, actor=None)
        backfills_advance()
        first.refresh_from_db()
        assert first.state == "cancelled"
        over(second, "cancelled")
        assert (now(made).state, states(made)) == ("cancelled", ["cancelled", "cancelled"])

    def test_a_run_cancelled_by_itself_is_a_day_that_is_missing(self, pipeline: Pipeline) -> None:
        made = asked(2)
        backfills_advance()
        run_cancel(run_id=running(made)[0].pk, actor=None)
        backfills_advance()
        over(running(made)[0])
        assert (now(made).state, made.cause) == ("cancelled", "1 of 2 days were cancelled")


class TestFailing:
    def test_it_fails_after_the_others_were_done_and_people_are_told_once(self, pipeline: Pipeline) -> None:
        made = asked(3)
        backfills_advance()
        run = running(made)[0]
        over(run, FAILED, "quality: Gold has fewer")
        assert (now(made).state, states(made)) == ("running", [FAILED, "running", "pending"])
        end_all(made)
        assert now(made).state == FAILED
        assert made.cause == f"1 of 3 days failed: {day(0)} (backfill run {run.pk}: quality: Gold has fewer)"
        incident = Incident.objects.get(kind="backfill_failed")
        assert (incident.cause, incident.cleared_at) == (f"backfill {made.pk}: {made.cause}", None)
        told = Notification.objects.get(subject=f"plant: backfill {made.pk} failed")
        assert f"penstock backfills show {made.pk}" in told.text
        backfills.run_ended(run.pk)
        assert Notification.objects.filter(subject=told.subject).count() == 1

    def test_of_many_days_that_fail_three_are_named(self, pipeline: Pipeline) -> None:
        made = asked(5)
        end_all(made, FAILED)
        assert now(made).cause.startswith(f"5 of 5 days failed: {day(0)} (")
        assert made.cause.endswith("no room) and 2 more")

    def test_a_retry_does_the_failed_days_by_new_runs_and_clears_the_incident(self, pipeline: Pipeline) -> None:
        made = asked(3)
        backfills_advance()
        failed = running(made)[0]
        over(failed, FAILED)
        end_all(made)
        backfill_retry(backfill_id=made.pk, actor=None, only="failed", reason="room was made")
        assert (now(made).state, made.cause, made.ended_at) == ("queued", "", None)
        assert states(made) == ["pending", SUCCEEDED, SUCCEEDED]
        backfills_advance()
        (again,) = running(made)
        assert (again.pk != failed.pk, again.rerun_of_id, again.trigger) == (True, failed.pk, f"backfill/{made.pk}")
        over(again)
        assert now(made).state == SUCCEEDED
        incident = Incident.objects.get(kind="backfill_failed")
        assert incident.resolution == f"backfill {made.pk} succeeded"

    @pytest.mark.parametrize("kind", ["daily", "backfill"])
    def test_other_runs_that_do_its_failed_days_clear_the_incident_too(self, pipeline: Pipeline, kind: str) -> None:
        made = asked(3)
        backfills_advance()
        over(running(made)[0])
        end_all(made, FAILED)
        incident = Incident.objects.get(kind="backfill_failed")
        ran(0, FAILED)
        ran(1, kind=kind)
        backfills_advance()
        incident.refresh_from_db()
        assert incident.cleared_at is None
        ran(2, kind=kind)
        backfills_advance()
        incident.refresh_from_db()
        assert incident.resolution == "each day that failed was done by a later run"

    def test_a_retry_that_is_cancelled_mends_nothing(self, pipeline: Pipeline) -> None:
        made = asked(1)
        end_all(made, FAILED)
        backfill_retry(backfill_id=made.pk, actor=None)
        backfill_cancel(backfill_id=made.pk, actor=None)
        backfills_advance()
        assert (now(made).state, Incident.objects.get(kind="backfill_failed").cleared_at) == ("cancelled", None)

    def test_failed_or_missing_days_are_retried_apart(self, pipeline: Pipeline) -> None:
        made = asked(3)
        backfills_advance()
        over(running(made)[0], FAILED)
        run_cancel(run_id=running(made)[0].pk, actor=None)
        backfills_advance()
        over(running(made)[0])
        assert (states(made), now(made).state) == ([FAILED, "cancelled", SUCCEEDED], FAILED)
        backfill_retry(backfill_id=made.pk, actor=None, only="missing")
        end_all(made)
        assert (states(made), now(made).state) == ([FAILED, SUCCEEDED, SUCCEEDED], FAILED)
        with pytest.raises(IllegalMove, match="nothing to retry: no day of it is missing"):
            backfill_retry(backfill_id=made.pk, actor=None, only="missing")
        backfill_retry(backfill_id=made.pk, actor=None)
        end_all(made)
        assert now(made).state == SUCCEEDED

    def test_a_failed_run_that_is_retried_by_itself_mends_its_backfill(self, pipeline: Pipeline) -> None:
        made = asked(1)
        backfills_advance()
        run = running(made)[0]
        over(run, FAILED)
        assert now(made).state == FAILED
        run_retry(run_id=run.pk, actor=None)
        over(run)
        assert (now(made).state, states(made), made.cause) == (SUCCEEDED, [SUCCEEDED], "")
        assert Incident.objects.get(kind="backfill_failed").cleared_at is not None

    def test_a_retry_beside_another_backfill_of_its_days_is_refused(self, pipeline: Pipeline) -> None:
        made = asked(2)
        end_all(made, FAILED)
        other = backfill_request(pipeline="plant", first_day=day(1))
        with pytest.raises(Overlapping, match=f"backfill {other.pk} is queued and has {day(1)}"):
            backfill_retry(backfill_id=made.pk, actor=None)
        assert (now(made).state, states(made)) == (FAILED, [FAILED, FAILED])


class TestWordsThatDoNotFit:
    @pytest.fixture
    def made(self, pipeline: Pipeline) -> Backfill:
        return asked(1)

    def refused(self, made: Backfill, command: Any, words: str) -> None:
        before = (now(made).state, AuditEntry.objects.count(), Outbox.objects.count(), made.moves.count())
        with pytest.raises(IllegalMove, match=words):
            command(backfill_id=made.pk, actor=None)
        assert (now(made).state, AuditEntry.objects.count(), Outbox.objects.count(), made.moves.count()) == before

    def test_what_is_so_already_is_refused_with_words(self, made: Backfill) -> None:
        self.refused(made, backfill_resume, "is queued: only one that is paused")
        self.refused(made, backfill_retry, "is queued: only one that has failed")
        backfill_pause(backfill_id=made.pk, actor=None)
        self.refused(made, backfill_pause, "is paused: only one that is queued or running")
        backfill_resume(backfill_id=made.pk, actor=None)
        backfills_advance()
        self.refused(made, backfill_resume, "is running: only one that is paused")
        Run.objects.update(state="running")
        backfill_cancel(backfill_id=made.pk, actor=None)
        self.refused(made, backfill_cancel, "is being cancelled: only one that is not over")
        self.refused(made, backfill_pause, "is being cancelled")
        self.refused(made, backfill_retry, "is being cancelled")

    def test_what_is_over_is_refused_with_words(self, made: Backfill) -> None:
        end_all(made)
        for command in (backfill_pause, backfill_resume, backfill_cancel, backfill_retry):
            self.refused(made, command, f"backfill {made.pk} has succeeded")


@pytest.mark.django_db(transaction=True)
class TestSideBySide:
    @pytest.fixture(autouse=True)
    def nobody_listens(self, queue_away: None) -> None:
        """The outbox keeps its tasks."""

    def test_two_workers_at_once_start_one_run_a_slot(self, pipeline: Pipeline) -> None:
        made, start = asked(4, concurrency=2), Barrier(4)

        def work(_: int) -> None:
            try:
                start.wait(30)
                for _ in range(5):
                    backfills_advance()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as workers:
            list(workers.map(work, range(4)))
        assert states(made) == ["running", "running", "pending", "pending"]
        assert Run.objects.count() == 2

    def test_one_that_another_worker_has_is_left_to_it(self, pipeline: Pipeline) -> None:
        made = asked(1)
        other = connection.copy()
        try:
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute("SELECT 1 FROM backfills_backfill WHERE id = %s FOR UPDATE", [made.pk])
            backfills_advance()
            assert states(made) == ["pending"]
        finally:
            other.rollback()
            other.close()
        backfills_advance()
        assert states(made) == ["running"]

    def test_of_two_who_ask_at_once_for_the_same_days_one_gets_them(self, pipeline: Pipeline) -> None:
        start = Barrier(4)

        def ask(_: int) -> bool:
            try:
                start.wait(30)
                asked(2)
            except Overlapping:
                return False
            finally:
                connections.close_all()
            return True

        with ThreadPoolExecutor(4) as people:
            made = list(people.map(ask, range(4)))
        assert (sum(made), Backfill.objects.count()) == (1, 1)
