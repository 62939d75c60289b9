"""Drivers as processes of this machine, each in a session of its own."""

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
from spark_jobs.contracts import ContinuousArguments, Farewell, farewell_file

MODULE = "spark_jobs.jobs.continuous"


class LocalLauncher:
    """`logs` is the folder of driver.log; argument files lie beside the checkpoint."""

    def __init__(self, logs: str) -> None:
        self._log = Path(logs) / "driver.log"

    def launch(self, arguments: ContinuousArguments) -> int | None:
        path = _arguments_file(arguments)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(arguments.to_json())
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # No secret of the control plane is a driver's business.
        inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Two arenas: with one for each thread, glibc keeps what delta-rs and Arrow have freed.
                env={**inherited, "PYSPARK_PYTHON": sys.executable, "MALLOC_ARENA_MAX": "2"},
            )
        return process.pid

    def probe(self, arguments: ContinuousArguments, pid: int | None) -> Evidence:
        """Dead is proven: nobody holds the checkpoint's lock, and no process with that pid runs the job."""
        path = Path(arguments.checkpoint) / "driver.lock"
        if path.exists():
            with path.open("r", encoding="utf-8") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    fcntl.flock(lock, fcntl.LOCK_UN)
                except OSError:
                    return _holder(lock.read(), arguments)
        if pid is not None and (started := _started(pid, arguments)) is not None:
            return Evidence(Life.ALIVE, "the process starts", arguments.run_tag, pid, started)
        return Evidence(Life.DEAD, "no driver holds the checkpoint", pid=pid, words=_last_words(arguments, pid))

    def drain(self, evidence: Evidence) -> None:
        if (process := _proven(evidence)) is not None:
            with suppress(psutil.NoSuchProcess):
                process.terminate()

    def stop(self, evidence: Evidence) -> None:
        """The JVM is in the driver's process group, which `launch` made for the two of them."""
        if (process := _proven(evidence)) is None:
            return
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


SECRETS = frozenset({"PENSTOCK_SECRET_KEY", "PENSTOCK_DATABASE_URL", "PENSTOCK_WAREHOUSE_URL", "PENSTOCK_REDIS_URL"})


def _arguments_file(arguments: ContinuousArguments) -> Path:
    return Path(arguments.checkpoint) / "arguments.json"


def _last_words(arguments: ContinuousArguments, pid: int | None) -> str:
    """What the driver of this launch said of its end. The log has the words of every launch, and of Spark."""
    try:
        told = Farewell.from_json(farewell_file(_arguments_file(arguments)).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return ""
    return told.words if told.run_tag == arguments.run_tag or (not told.run_tag and told.pid == pid) else ""


def _holder(text: str, arguments: ContinuousArguments) -> Evidence:
    try:
        held = json.loads(text)
        run_tag, pid = held["run_tag"], held["pid"]
    except (ValueError, KeyError, TypeError):
        return Evidence(Life.UNKNOWN, "somebody holds the checkpoint and has not said who")
    started = _started(pid, arguments)
    if started is None:  # what the file says is of an earlier holder
        return Evidence(Life.UNKNOWN, f"somebody holds the checkpoint who is not pid {pid}")
    return Evidence(Life.ALIVE, "it holds the checkpoint", run_tag, pid, started)


def _started(pid: int, arguments: ContinuousArguments) -> float | None:
    """When that process was started, if it is a driver of this checkpoint: pids are used again."""
    try:
        process = psutil.Process(pid)
        ours = str(_arguments_file(arguments)) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        return process.create_time() if ours else None
    except psutil.Error:
        return None


def _proven(evidence: Evidence) -> psutil.Process | None:
    """The process that the evidence is of, if it is still there."""
    if evidence.pid is None:
        return None
    try:
        process = psutil.Process(evidence.pid)
        return process if process.create_time() == evidence.started else None
    except psutil.Error:
        return None
