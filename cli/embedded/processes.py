"""Processes by identity: a pid alone proves nothing, since the kernel gives it out again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

LAUNCH = Path(__file__).with_name("launch.py")
# Kernel start times are counted in ticks of 10 ms from a boot time that psutil rounds.
SAME_START_SECONDS = 1.0


@dataclass(frozen=True)
class Identity:
    """A process of the past or present: pid and start time, in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of the process that has the pid now."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def process(self) -> psutil.Process | None:
        """The process if it still is the same one and not a zombie."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started) < SAME_START_SECONDS
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None

    @property
    def alive(self) -> bool:
        return self.process() is not None


@dataclass(frozen=True)
class User:
    """Whom a process runs as, when not as ourselves."""

    uid: int
    gid: int


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    death_signal: int = signal.SIGTERM,
    user: User | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own that dies with this one. Call it from the main thread only: the kernel
    sends the death signal when the *thread* that started the process ends."""
    who = user or User(-1, -1)
    prefix = [sys.executable, "-I", "-S", str(LAUNCH), str(int(death_signal)), str(os.getpid())]
    command = [*prefix, str(who.uid), str(who.gid), "--", *argv]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )


def signal_group(pid: int, number: int) -> None:
    """Signal the process group of a service; a group that is gone is no error."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def end(identities: Iterable[Identity], *, number: int, grace: float) -> None:
    """Signal these processes, wait up to `grace` seconds for all of them, then kill what is left with its group."""
    living = [process for item in identities if (process := item.process())]
    for process in living:
        with suppress(psutil.Error):
            process.send_signal(number)
    _, stubborn = psutil.wait_procs(living, timeout=grace)
    for process in stubborn:
        signal_group(process.pid, signal.SIGKILL)
        with suppress(psutil.Error):
            process.kill()  # it may be in the group of another
    psutil.wait_procs(stubborn, timeout=10)
