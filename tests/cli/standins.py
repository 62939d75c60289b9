"""Small real processes in the place of the stack's services, and a supervisor of them in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cli.embedded import state
from cli.embedded.home import Home
from cli.embedded.service import Service
from cli.embedded.state import StackState

# Starts a child that would outlive it, and says so; ignores SIGTERM when told to.
PROGRAM = """
import signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "child" in sys.argv:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if "fail" in sys.argv:
    sys.exit("cannot do it")
print("ready", flush=True)
time.sleep(600)
"""

SUPERVISE = """
import json, sys
from pathlib import Path
from cli.embedded import state
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.supervisor import Supervisor
from tests.cli.standins import service

home, plan = Home(Path(sys.argv[1])), json.loads(sys.argv[2])
home.make()
with state.held(home):
    supervisor, failure = Supervisor(home, backoff=(0.05, 0.05)), None
    supervisor.listen()
    try:
        supervisor.start([service(home, name, words) for name, words in plan.items()], {})
        supervisor.watch()
    except StackError as error:
        failure = error
    finally:
        supervisor.stop(("last",), ("first",))
        supervisor.finished(failure)
"""


def service(home: Home, name: str, words: list[str]) -> Service:
    """A stand-in; `words` say how it misbehaves."""
    return Service(
        name=name,
        argv=(sys.executable, "-c", PROGRAM, *words),
        ready=lambda running: running.wrote("ready"),
        grace=1.0,
    )


def supervise(home: Home, plan: dict[str, list[str]]) -> subprocess.Popen[bytes]:
    """A supervisor process over stand-ins."""
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", SUPERVISE, str(home.root), json.dumps(plan)], cwd=root)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition; fail when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def running(home: Home) -> StackState:
    """The state once the stand-ins run."""
    until(lambda: state.load(home).state == state.RUNNING)
    return state.load(home)


def finish(process: subprocess.Popen[bytes]) -> None:
    """End a supervisor that a test left."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
