"""Drivers as processes of this machine, each in a session of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline_workers.launchers import deaths, processes
from pipeline_workers.launchers.base import Evidence, Life
from spark_jobs.contracts import ContinuousArguments, Farewell, farewell_file

MODULE = "spark_jobs.jobs.continuous"


class LocalLauncher:
    """`logs` is the folder of driver.log; argument files lie beside the checkpoint."""

    def __init__(self, logs: str) -> None:
        self._log = Path(logs) / "driver.log"

    def launch(self, arguments: ContinuousArguments) -> int | None:
        return processes.spawn(MODULE, _arguments_file(arguments), arguments.to_json(), self._log)

    def probe(self, arguments: ContinuousArguments, pid: int | None) -> Evidence:
        """Dead is proven: nobody holds the checkpoint's lock, and no process with that pid runs the job."""
        told = _arguments_file(arguments)
        if (held := processes.holder(Path(arguments.checkpoint) / "driver.lock", told)) is not None:
            return held
        if pid is not None and (since := processes.started(pid, told)) is not None:
            return Evidence(Life.ALIVE, "the process starts", arguments.run_tag, pid, since)
        return Evidence(Life.DEAD, "no driver holds the checkpoint", pid=pid, words=_last_words(arguments, pid))

    def watch(self, evidence: Evidence, tell: Callable[[], None]) -> None:
        deaths.watch(evidence, tell)

    def drain(self, evidence: Evidence) -> None:
        processes.terminate(evidence)

    def stop(self, evidence: Evidence) -> None:
        processes.kill(evidence)

    def clear(self, arguments: ContinuousArguments, pid: int | None) -> None:
        if pid is not None:
            processes.kill_left_behind(pid, _arguments_file(arguments))


def _arguments_file(arguments: ContinuousArguments) -> Path:
    return Path(arguments.checkpoint) / "arguments.json"


def _last_words(arguments: ContinuousArguments, pid: int | None) -> str:
    """What the driver of this launch said of its end. The log has the words of every launch, and of Spark."""
    try:
        told = Farewell.from_json(farewell_file(_arguments_file(arguments)).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return ""
    return told.words if told.run_tag == arguments.run_tag or (not told.run_tag and told.pid == pid) else ""
