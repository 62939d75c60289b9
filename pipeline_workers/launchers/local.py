"""Drivers as processes of this machine, each in a session of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline_workers.launchers import deaths, processes
from pipeline_workers.launchers.base import Evidence, Life
from spark_jobs.contracts import ContinuousArguments

MODULE = "spark_jobs.jobs.continuous"
LAST_WORDS = 4096


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
        return Evidence(Life.DEAD, f"no driver holds the checkpoint: {self._last_words()}", pid=pid)

    def watch(self, evidence: Evidence, tell: Callable[[], None]) -> None:
        deaths.watch(evidence, tell)

    def drain(self, evidence: Evidence) -> None:
        processes.terminate(evidence)

    def stop(self, evidence: Evidence) -> None:
        processes.kill(evidence)

    def clear(self, arguments: ContinuousArguments, pid: int | None) -> None:
        if pid is not None:
            processes.kill_left_behind(pid, _arguments_file(arguments))

    def _last_words(self) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, self._log.stat().st_size - LAST_WORDS))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return next((line.strip() for line in reversed(lines) if line.strip()), "it left no word")[:500]


def _arguments_file(arguments: ContinuousArguments) -> Path:
    return Path(arguments.checkpoint) / "arguments.json"
