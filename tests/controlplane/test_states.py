from __future__ import annotations

import pytest

from controlplane.core.errors import IllegalMove
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.services import driver_reported, job_desire, job_move
from controlplane.streaming.states import ALIVE, MOVES, Desired, Observed
from spark_jobs.contracts import DriverReport

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def job(pipeline: Pipeline) -> StreamingJob:
    return StreamingJob.objects.get(pipeline=pipeline)


def test_every_state_can_be_left_and_a_live_one_can_always_be_found_dead() -> None:
    assert set(MOVES) == set(Observed)
    assert all(Observed.STOPPED in MOVES[state] for state in ALIVE)


def test_an_illegal_move_is_refused_and_changes_nothing(job: StreamingJob) -> None:
    with pytest.raises(IllegalMove):
        job_move(job=job, to=Observed.RUNNING)
    job.refresh_from_db()
    assert job.observed == Observed.STOPPED
    assert not job.moves.exists()


def test_of_two_who_move_a_state_one_wins(job: StreamingJob) -> None:
    other = StreamingJob.objects.get(pk=job.pk)
    assert job_move(job=job, to=Observed.LAUNCHING, fencing_token=1)
    assert not job_move(job=other, to=Observed.LAUNCHING, fencing_token=1)
    assert [move.after for move in job.moves.all()] == [Observed.LAUNCHING]


def test_a_desire_leaves_a_task_in_the_outbox(job: StreamingJob) -> None:
    job_desire(pipeline="plant", desired=Desired.RUNNING)
    assert list(Outbox.objects.values_list("task", "sent_at")) == [("penstock.reconcile", None)]


def report(job: StreamingJob, state: str, token: int) -> DriverReport:
    return DriverReport(pipeline="plant", at=1.0, run_tag="tag", fencing_token=token, pid=7, state=state)


def test_a_driver_of_an_older_launch_is_not_listened_to(job: StreamingJob) -> None:
    job_move(job=job, to=Observed.LAUNCHING, fencing_token=2, run_tag="tag")
    driver_reported(report=report(job, "running", token=1))
    job.refresh_from_db()
    assert job.observed == Observed.LAUNCHING
    driver_reported(report=report(job, "running", token=2))
    job.refresh_from_db()
    assert (job.observed, job.pid) == (Observed.RUNNING, 7)


def test_a_driver_that_says_it_failed_is_not_dead_yet(job: StreamingJob) -> None:
    job_move(job=job, to=Observed.LAUNCHING, fencing_token=1, run_tag="tag")
    driver_reported(report=report(job, "failed", token=1))
    job.refresh_from_db()
    assert job.observed == Observed.LAUNCHING
