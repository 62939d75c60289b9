"""What a dead supervisor left behind, and Spark jobs, which no supervisor owns: the driver, applications of runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

import psutil

from cli.embedded import processes, state
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.processes import Identity
from cli.embedded.running import MARKER
from spark_jobs.applications import BatchArguments, MaintenanceArguments

DRIVER_MODULE = "spark_jobs.jobs.continuous"
JOB_MODULES = (DRIVER_MODULE, *(kind.module for kind in (BatchArguments, MaintenanceArguments)))
JOB_GRACE_SECONDS = 90.0  # the driver gives its own batches 60 s, and then ends Spark
SERVICE_GRACE_SECONDS = 20.0
Say = Callable[[str], None]


def drivers(home: Home) -> list[Identity]:
    """The streaming drivers of this installation that live: there should be one at most."""
    return jobs(home, (DRIVER_MODULE,))


def jobs(home: Home, modules: Sequence[str] = JOB_MODULES) -> list[Identity]:
    """The Spark jobs of this installation that live."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if process.status() == psutil.STATUS_ZOMBIE or not set(modules).intersection(command):
                continue
            if _belongs(process, home) or any(item.startswith(f"{home.root}/") for item in command):
                found.append(Identity(process.pid, process.create_time()))
        except psutil.Error:
            continue
    return found


def stop_jobs(home: Home, say: Say, grace: float = JOB_GRACE_SECONDS) -> None:
    """Let the driver drain and the applications end, then kill what has not ended, with the JVM under it."""
    living, draining = jobs(home), drivers(home)
    if not living:
        return
    if draining:
        say(f"driver: draining (pid {', '.join(str(item.pid) for item in draining)})")
    if applications := [str(item.pid) for item in living if item not in draining]:
        say(f"applications of runs: ending (pid {', '.join(applications)}); the runs go on after the next start")
    family = [child for item in living if (process := item.process()) for child in _children(process)]
    processes.end(living, number=signal.SIGTERM, grace=grace)
    _, stubborn = psutil.wait_procs(family, timeout=min(10.0, grace))
    for process in stubborn:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(stubborn, timeout=10)


def clean_up(home: Home, say: Say, known: state.StackState | None, grace: float = SERVICE_GRACE_SECONDS) -> None:
    """End the services that a supervisor left behind when it was killed. Spark jobs are not touched: they are adopted.

    First by the identities in stack.json, then by the environment that every process of a stack carries, which also
    finds the children of a service that died before them. Hold the lock.
    """
    recorded = [item.identity for item in known.services.values()] if known else []
    living = [item for item in recorded if item and item.alive]
    living += [item for item in _marked(home) if item not in living]
    if not living:
        return
    say(f"ending {len(living)} processes that the last supervisor left behind")
    processes.end(living, number=signal.SIGTERM, grace=grace)
    if rest := [item for item in _marked(home) if item.alive]:
        processes.end(rest, number=signal.SIGKILL, grace=10.0)
    if left := [str(item.pid) for item in [*living, *_marked(home)] if item.alive]:
        raise StackError(f"processes of the last run cannot be ended: {', '.join(left)}")


def _marked(home: Home) -> list[Identity]:
    sessions = {os.getsid(item.pid) for item in jobs(home)}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or not _belongs(process, home) or os.getsid(process.pid) in sessions:
                continue
            if MARKER in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(Identity(process.pid, process.create_time()))
        except (psutil.Error, OSError):
            continue
    return found


def _belongs(process: psutil.Process, home: Home) -> bool:
    try:
        return process.environ().get("PENSTOCK_HOME") == str(home.root)
    except (psutil.Error, OSError):
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
