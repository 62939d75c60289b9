"""The supervisor over real processes: what it starts lives and dies as it says, also after a kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.embedded import start, state, strays
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.processes import Identity
from tests.cli import standins

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / ".penstock")
    made.make()
    return made


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        standins.finish(process)


def of_this(home: Home) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PENSTOCK_HOME") == str(home.root) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_services_die_with_a_supervisor_that_is_killed(home: Home, started: list[subprocess.Popen[bytes]]) -> None:
    supervisor = standins.supervise(home, {"first": [], "last": []})
    started.append(supervisor)
    identities = [item.identity for item in standins.running(home).services.values()]
    assert all(item and item.alive for item in identities)

    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()

    standins.until(lambda: not any(item and item.alive for item in identities))
    assert state.load(home).state == state.FAILED
    assert not state.is_up(home)


def test_what_ignores_the_kernel_s_word_is_cleaned_up_by_the_next_up(
    home: Home, started: list[subprocess.Popen[bytes]]
) -> None:
    supervisor = standins.supervise(home, {"first": ["stubborn", "child"]})
    started.append(supervisor)
    identity = standins.running(home).services["first"].identity
    standins.until(lambda: len(of_this(home)) == 2)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    assert identity
    assert identity.alive

    identity.process().kill()  # type: ignore[union-attr] - now only the child is left, whom stack.json does not name
    standins.until(lambda: not identity.alive)
    assert len(of_this(home)) == 1
    strays.clean_up(home, lambda text: None, state.load(home), grace=0.5)

    assert of_this(home) == []


def test_a_service_that_dies_is_started_again(home: Home, started: list[subprocess.Popen[bytes]]) -> None:
    started.append(standins.supervise(home, {"first": ["child"]}))
    before = standins.running(home).services["first"]
    standins.until(lambda: len(of_this(home)) == 2)
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)

    def again() -> bool:
        now = state.load(home).services["first"]
        return now.state == "running" and now.pid != before.pid

    standins.until(again)
    assert state.load(home).services["first"].restarts == 1
    assert any("first: ended (signal 9)" in step for step in state.load(home).steps)
    standins.until(lambda: len(of_this(home)) == 2)  # the child of the dead one is gone


def test_a_service_that_keeps_dying_is_given_up_with_its_last_words(
    home: Home, started: list[subprocess.Popen[bytes]]
) -> None:
    started.append(standins.supervise(home, {"first": [], "last": []}))
    standins.running(home)

    def kill_again() -> bool:
        now = state.load(home)
        item = now.services["first"]
        if item.state == "running" and item.identity and item.identity.alive:
            os.kill(item.identity.pid, signal.SIGKILL)
        return item.state == "failed"

    standins.until(kill_again)
    now = state.load(home)
    assert now.state == state.DEGRADED
    assert "first ended 3 times" in now.reason
    assert now.services["last"].state == "running"


def test_stop_goes_in_order_and_leaves_nothing(home: Home, started: list[subprocess.Popen[bytes]]) -> None:
    supervisor = standins.supervise(home, {"first": ["child"], "middle": ["stubborn", "child"], "last": []})
    started.append(supervisor)
    standins.running(home)
    assert start.down(home, lambda text: None)
    supervisor.wait(10)

    stopped = [step.split(":")[0] for step in state.load(home).steps if "stopped" in step]
    assert stopped == ["last", "middle", "first"]
    assert of_this(home) == []
    assert state.load(home).state == state.STOPPED


def test_a_service_that_ends_at_its_start_is_named_with_its_last_words(
    home: Home, started: list[subprocess.Popen[bytes]]
) -> None:
    supervisor = standins.supervise(home, {"first": [], "last": ["fail"]})
    started.append(supervisor)
    supervisor.wait(20)
    now = state.load(home)
    assert now.state == state.FAILED
    assert "last ended with 1 at its start: cannot do it" in now.reason
    assert of_this(home) == []


def test_one_folder_has_one_stack_and_two_folders_have_two(
    home: Home, tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    other = Home(tmp_path / "other")
    started += [standins.supervise(home, {"first": []}), standins.supervise(other, {"first": []})]
    standins.running(home)
    standins.running(other)
    with pytest.raises(StackError, match="up already"), state.held(home):
        pass
    start.down(home, lambda text: None)
    assert state.load(other).state == state.RUNNING


@pytest.mark.parametrize("module", strays.JOB_MODULES)
def test_a_job_is_asked_to_end_and_its_children_end_with_it(home: Home, module: str) -> None:
    program = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('up', flush=True)\ntime.sleep(600)\n"
    )
    argv = [sys.executable, "-c", program, module, f"{home.root}/arguments.json"]
    driver = subprocess.Popen(argv, start_new_session=True, stdout=subprocess.PIPE)
    assert driver.stdout
    assert driver.stdout.readline() == b"up\n"
    (child,) = psutil.Process(driver.pid).children()
    strays.clean_up(home, lambda text: None, None)
    assert driver.poll() is None, "a clean-up leaves a job to be adopted"

    strays.stop_jobs(home, lambda text: None, grace=0.5)

    driver.wait(5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_pid_given_out_again_is_not_the_process_of_before() -> None:
    me = Identity.of(os.getpid())
    assert me
    assert me.alive
    assert not Identity(me.pid, me.started - 100).alive
