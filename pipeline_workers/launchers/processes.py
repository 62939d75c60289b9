"""Processes of this machine that outlive who started them: started, recognised and ended. Every local launcher's."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from pipeline_workers.launchers.base import Evidence, Life

# No secret of the control plane is a job's business.
SECRETS = frozenset(
    {
        "PENSTOCK_SECRET_KEY",
        "PENSTOCK_DATABASE_URL",
        "PENSTOCK_WAREHOUSE_URL",
        "PENSTOCK_REDIS_URL",
        "PENSTOCK_SLACK_WEBHOOK",
    }
)

MARKER = "PENSTOCK_ARGUMENTS"  # in the environment of all that a process starts: the file that says what it is for


def spawn(module: str, arguments: Path, text: str, log: Path) -> int:
    """Write `text` to the arguments' file, of mode 0600, and run `module` with it in a session of its own; its pid."""
    arguments.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(arguments, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    log.parent.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}
    with log.open("ab") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(arguments)],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
            # Two arenas: with one for each thread, glibc keeps what delta-rs and Arrow have freed.
            env={**inherited, "PYSPARK_PYTHON": sys.executable, "MALLOC_ARENA_MAX": "2", MARKER: str(arguments)},
        )
    return process.pid


def holder(lock: Path, arguments: Path) -> Evidence | None:
    """Who holds the lock, by what they wrote into it; None where nobody does."""
    if not lock.exists():
        return None
    with lock.open("r", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(held, fcntl.LOCK_UN)
        except OSError:
            return _told(held.read(), arguments)
    return None


def started(pid: int, arguments: Path) -> float | None:
    """When that process was started, if it was told these arguments: pids are used again."""
    try:
        process = psutil.Process(pid)
        ours = str(arguments) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        return process.create_time() if ours else None
    except psutil.Error:
        return None


def terminate(evidence: Evidence) -> None:
    """Ask the process that the evidence is of to end."""
    if (process := proven(evidence)) is not None:
        with suppress(psutil.NoSuchProcess):
            process.terminate()


def kill(evidence: Evidence) -> None:
    """End it now, and the JVM, which is in the process group that `spawn` made for the two of them."""
    if (process := proven(evidence)) is None:
        return
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def kill_left_behind(pid: int, arguments: Path) -> None:
    """Kill what a process that is dead left in its session, as far as it was started for these arguments.

    A JVM outlives its driver by seconds, in which it takes from the next one's start.
    """
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            in_session = process.pid != pid and os.getsid(process.pid) == pid
            if in_session and process.environ().get(MARKER) == str(arguments):
                process.kill()


def _told(text: str, arguments: Path) -> Evidence:
    try:
        held = json.loads(text)
        run_tag, pid = held["run_tag"], held["pid"]
    except (ValueError, KeyError, TypeError):
        return Evidence(Life.UNKNOWN, f"somebody holds {arguments.parent} and has not said who")
    since = started(pid, arguments)
    if since is None:  # what the file says is of an earlier holder
        return Evidence(Life.UNKNOWN, f"somebody holds {arguments.parent} who is not pid {pid}")
    return Evidence(Life.ALIVE, f"it holds {arguments.parent}", run_tag, pid, since)


def proven(evidence: Evidence) -> psutil.Process | None:
    """The process that the evidence is of, if it is still there."""
    if evidence.pid is None:
        return None
    try:
        process = psutil.Process(evidence.pid)
        return process if process.create_time() == evidence.started else None
    except psutil.Error:
        return None
