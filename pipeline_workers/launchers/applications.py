"""Applications that end, as processes of this machine."""

from __future__ import annotations

from pathlib import Path

from pipeline_workers.launchers import processes
from pipeline_workers.launchers.base import Evidence, Life
from spark_jobs.applications import ARGUMENTS, LOCK, ApplicationArguments

LOG = "application.log"


class LocalApplications:
    """Each has its workspace: what it is told, its lock, its outcome and its log lie there."""

    def launch(self, arguments: ApplicationArguments) -> int | None:
        folder = Path(arguments.workspace)
        return processes.spawn(arguments.module, folder / ARGUMENTS, arguments.to_json(), folder / LOG)

    def probe(self, workspace: Path, pid: int | None) -> Evidence:
        """Dead is proven: nobody holds the workspace's lock, and no process with that pid was told its arguments."""
        arguments = workspace / ARGUMENTS
        if (held := processes.holder(workspace / LOCK, arguments)) is not None:
            return held
        if pid is not None and (since := processes.started(pid, arguments)) is not None:
            return Evidence(Life.ALIVE, "the process starts", pid=pid, started=since)
        return Evidence(Life.DEAD, "no process holds the workspace", pid=pid)

    def stop(self, evidence: Evidence) -> None:
        processes.terminate(evidence)

    def kill(self, evidence: Evidence) -> None:
        processes.kill(evidence)

    def log(self, workspace: Path, start: int, most: int) -> bytes:
        """What it wrote from `start` on, by whole lines where there is one, at most so many bytes."""
        try:
            with (workspace / LOG).open("rb") as log:
                log.seek(start)
                found = log.read(most)
        except FileNotFoundError:
            return b""
        end = found.rfind(b"\n") + 1
        return found[:end] if end else found if len(found) == most else b""
