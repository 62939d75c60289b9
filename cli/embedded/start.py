"""The other side of the supervisor: start it, follow what it says, stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from cli.embedded import processes, state, strays
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.options import Options

Say = Callable[[str], None]
STOP_SECONDS = 180.0
POLL_SECONDS = 0.2


def start(home: Home, options: Options, say: Say, *, attached: bool) -> subprocess.Popen[bytes]:
    """Start the supervisor and wait until the stack is up; StackError when it does not come up.

    An attached supervisor stops the stack when this process dies, however it dies; otherwise it lives on by itself.
    """
    home.make()
    if state.is_up(home):
        raise StackError(f"a stack is up already in {home.root}", "see: penstock status")
    state.load(home)  # a broken file is named here, before anything starts
    process = processes.spawn(
        [sys.executable, "-m", "cli.embedded.daemon", str(home.root), options.to_json()],
        log=home.logs / "supervisor.log",
        env=os.environ,
        cwd=home.root,
        death_signal=signal.SIGTERM if attached else 0,
    )
    try:
        told = 0
        while True:
            code = process.poll()
            now = state.load(home)
            if now.pid == process.pid:
                for step in now.steps_after(told):
                    if not step.startswith("error: "):
                        say(step)
                told = now.told
                if now.state in (state.RUNNING, state.DEGRADED):
                    return process
            if code is not None:
                raise StackError(_last_words(home))
            time.sleep(POLL_SECONDS)
    except BaseException:
        if process.poll() is None:
            end(home, process, say)
        raise


def end(home: Home, process: subprocess.Popen[bytes], say: Say) -> int:
    """Ask a supervisor of ours to stop, say what it says, give its exit code."""
    told = state.load(home).told
    process.terminate()
    _follow(home, told, say, lambda: process.poll() is None)
    return process.wait()


def down(home: Home, say: Say) -> bool:
    """Stop whatever runs in this folder, also what a dead supervisor left; False when nothing did."""
    if state.is_up(home):
        before = state.load(home)
        identity = before.identity
        process = identity.process() if identity else None
        if process is None:
            raise StackError(f"a supervisor holds {home.lock}, and {home.state} does not name it", "end it by hand")
        process.send_signal(signal.SIGTERM)
        _follow(home, before.told, say, lambda: process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        return True
    if not home.root.is_dir():
        return False
    with state.held(home):
        left = bool(strays.jobs(home))
        known = state.load(home)
        left = left or any(item.identity and item.identity.alive for item in known.services.values())
        strays.stop_jobs(home, say)
        strays.clean_up(home, say, known)
        if known.state == state.FAILED:
            known.state, known.reason, known.services = state.STOPPED, "", {}
            known.save(home)
    return left


def _follow(home: Home, told: int, say: Say, lives: Callable[[], bool]) -> None:
    until = time.monotonic() + STOP_SECONDS
    while True:
        living = lives()
        now = state.load(home)
        for step in now.steps_after(told):
            say(step)
        told = now.told
        if not living:
            return
        if time.monotonic() > until:
            raise StackError(f"the stack did not stop in {STOP_SECONDS:.0f} s", str(home.logs / "supervisor.log"))
        time.sleep(POLL_SECONDS)


def _last_words(home: Home) -> str:
    try:
        lines = (home.logs / "supervisor.log").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    last = next((line for line in reversed(lines) if line.strip()), "the supervisor ended without a word")
    return last.removeprefix("error: ")
