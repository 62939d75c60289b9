"""Faults done to a whole stack that runs, each of which it must leave as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from cli import login
from cli.client import Client
from controlplane.streaming.states import Observed
from spark_jobs.contracts import Table
from tests.cli.standins import until
from tests.faults import hurting
from tests.faults.hurting import AWAY_SECONDS, GOAL, SLOW_MACHINE
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
Note = Callable[[str, object], None]
CONTROL_PLANE = ("web", "worker", "beat", "collector")


@pytest.fixture
def running(stack: Stack) -> Iterator[Stack]:
    """The stack, whose readings get through; after the test too, every one of them once."""
    stack.up()
    hurting.until_whole(stack)
    hurting.until_progressing(stack, since=0.0, seconds=300)
    yield stack
    hurting.until_whole(stack)
    hurting.assert_exact(stack)
    hurting.assert_legal_moves(stack)


@pytest.mark.fault(3, "kill -9 the worker before, in and after a launch")
def test_a_worker_killed_before_in_and_after_a_launch_leaves_one_driver(running: Stack, record_property: Note) -> None:
    worker = running.kill("worker")  # before: nobody is there to launch the next one
    killed = time.time()
    first = hurting.kill_driver(running)
    until(lambda: running.drivers() not in ([], [first]), 90)
    running.until_back("worker", worker)
    worker = running.kill("worker")  # in the launch: the driver has begun to start
    hurting.until_progressing(running, since=killed)
    running.until_back("worker", worker)
    (launched,) = running.drivers()
    assert launched != first
    token = hurting.job(running)["fencing_token"]
    worker = running.kill("worker")  # after: the driver goes on, and the next worker knows it
    killed = time.time()
    running.until_back("worker", worker)
    hurting.until_progressing(running, since=killed)
    assert running.drivers() == [launched]
    assert hurting.job(running)["fencing_token"] == token
    record_property("held", "one driver at every look; adopted by the next worker")


@pytest.mark.fault(5, "kill -9 Redis; FLUSHALL with a task in it and the driver dead")
def test_what_redis_forgets_is_asked_for_again(running: Stack, record_property: Note) -> None:
    killed = running.kill("redis")
    running.until_back("redis", killed)
    url = hurting.environment_of(running)["PENSTOCK_REDIS_URL"]
    with hurting.frozen(hurting.pid_of(running, "worker")), redis.Redis.from_url(url) as queue:
        # Its connection takes one more message, whatever that is; the next ones stay in the queue.
        until(lambda: queue.llen("celery") > 0, GOAL)
        waiting = queue.llen("celery")
        recount = _ask_for_a_recount(running)
        assert queue.llen("celery") > waiting
        flushed = time.time()
        hurting.kill_driver(running)
        queue.flushall()
    took = hurting.until_progressing(running, since=flushed)
    until(lambda: _recounted(running, recount), GOAL * SLOW_MACHINE)
    both = max(took, time.time() - flushed)
    record_property("held", f"driver back after {took:.0f} s, the lost recount done after {both:.0f} s")


@pytest.mark.fault(6, "kill -9 PostgreSQL while a driver is launched")
def test_a_transition_that_lost_its_database_is_legal_and_tried_again(running: Stack, record_property: Note) -> None:
    before = hurting.job(running)["fencing_token"]
    died = time.time()
    hurting.kill_driver(running)
    until(lambda: hurting.job(running)["observed"] == Observed.LAUNCHING, GOAL)
    killed = running.kill("postgres")
    running.until_back("postgres", killed)
    took = hurting.until_progressing(running, since=died)
    hurting.assert_legal_moves(running)
    launches = hurting.job(running)["fencing_token"] - before
    record_property("held", f"legal moves; {launches} launch, running after {took:.0f} s")


@pytest.mark.fault(7, "kill -9 Kafka; then away")
def test_readings_pass_once_kafka_is_back(running: Stack, record_property: Note) -> None:
    killed = running.kill("kafka")
    running.until_back("kafka", killed)
    hurting.until_progressing(running, since=time.time())
    with hurting.frozen(hurting.pid_of(running, "kafka")):
        until(lambda: hurting.job(running)["observed"] != Observed.RUNNING, AWAY_SECONDS + 60)
        away = hurting.job(running)["observed"]
        _pass(AWAY_SECONDS)
        assert hurting.job(running)["observed"] != Observed.RUNNING
    took = hurting.until_progressing(running, since=time.time())
    record_property("held", f"{away} while it is away, running {took:.0f} s after its return; exact")


@pytest.mark.fault(8, "kill -9 the whole control plane, and keep it down")
def test_a_stream_goes_on_without_its_control_plane_which_catches_up(running: Stack, record_property: Note) -> None:
    (driver,) = running.drivers()
    token = hurting.job(running)["fencing_token"]
    before = running.lake(Table.BRONZE).count_rows()
    supervisor = int(running.status()["supervisor"])
    with hurting.frozen(supervisor):  # or it would start them again
        for service in CONTROL_PLANE:
            hurting.kill_group(running, service)
        _pass(AWAY_SECONDS)
        read = running.lake(Table.BRONZE).count_rows()
        assert read > before, "the stream stood still"
    returned = time.time()

    def caught_up() -> bool:
        (row,) = hurting.rows(running, "SELECT sum(count) AS n FROM ledger_ledgertotal WHERE measure = 'kafka'")
        return bool(row["n"] >= read)

    until(caught_up, GOAL * SLOW_MACHINE)
    hurting.until_progressing(running, since=returned)
    took = time.time() - returned
    assert running.drivers() == [driver]
    assert hurting.job(running)["fencing_token"] == token
    record_property("held", f"{read - before} readings committed meanwhile; reconciled {took:.0f} s after its return")


@pytest.mark.fault(9, "a second beat beside the first, and the driver killed")
def test_two_beats_launch_one_driver(running: Stack, record_property: Note) -> None:
    token = hurting.job(running)["fencing_token"]
    log = running.home.logs / "second-beat.log"
    with second_beat(running) as second:
        until(lambda: b"Sending due task reconcile" in log.read_bytes(), 60)
        killed = time.time()
        hurting.kill_driver(running)
        took = hurting.until_progressing(running, since=killed)
        assert second.poll() is None
    assert hurting.job(running)["fencing_token"] == token + 1
    record_property("held", f"one launch, of one driver, which runs after {took:.0f} s")


@pytest.mark.fault(9, "rows 3 and 5 to 9, one after the other on one stack")
def test_after_it_a_recount_agrees(running: Stack) -> None:
    done = running.penstock("ledger", "verify", "--json")
    assert json.loads(done.stdout)["problems"] == []
    assert done.returncode == 0


@contextmanager
def second_beat(stack: Stack) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "celery", "-A", "controlplane.config", "beat", "--loglevel", "INFO", "--pidfile="]
    with (stack.home.logs / "second-beat.log").open("wb") as log:
        process = subprocess.Popen(
            argv, stdout=log, stderr=log, env={**os.environ, **hurting.environment_of(stack)}, cwd=stack.home.root
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _pass(seconds: float) -> None:
    """The time for which something is away, which is what the fault is."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end, seconds + 1)


def _ask_for_a_recount(stack: Stack) -> int:
    """Its number. The command would wait for its end, which takes the worker that is frozen."""
    client = Client(login.of_stack(stack.home))
    return int(client.post(f"{client.pipeline}/ledger/verifications")["id"])


def _recounted(stack: Stack, number: int) -> bool:
    (row,) = hurting.rows(stack, "SELECT status FROM ledger_inquiry WHERE id = %s", number)
    return bool(row["status"] == "succeeded")
