"""The interface of every launcher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from spark_jobs.applications import ApplicationArguments
from spark_jobs.contracts import ContinuousArguments


class Life(StrEnum):
    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Evidence:
    """Whether a driver lives, and what says so. `started` tells its process from a later one with the same pid.

    `words` is what the driver of this launch itself said of its end, empty where it said nothing.
    """

    life: Life
    reason: str
    run_tag: str = ""
    pid: int | None = None
    started: float | None = None
    words: str = ""


class Launcher(Protocol):
    def launch(self, arguments: ContinuousArguments) -> int | None:
        """Start a driver that outlives this process; its pid where there is one."""

    def probe(self, arguments: ContinuousArguments, pid: int | None) -> Evidence:
        """Look for the driver of this checkpoint, whoever started it."""

    def watch(self, evidence: Evidence, tell: Callable[[], None]) -> None:
        """Have `tell` called soon after that driver has ended, where its place can say so; perhaps for nothing."""

    def drain(self, evidence: Evidence) -> None:
        """Ask the driver to end after its running batches."""

    def stop(self, evidence: Evidence) -> None:
        """End the driver now, with all that it started."""

    def clear(self, arguments: ContinuousArguments, pid: int | None) -> None:
        """End what the driver that had the pid, and is proven dead, has left running."""


class ApplicationLauncher(Protocol):
    def launch(self, arguments: ApplicationArguments) -> int | None:
        """Start an application that outlives this process; its pid where there is one."""

    def probe(self, workspace: Path, pid: int | None) -> Evidence:
        """Look for the application of this workspace, whoever started it."""

    def stop(self, evidence: Evidence) -> None:
        """Ask it to end."""

    def kill(self, evidence: Evidence) -> None:
        """End it now, with all that it started."""

    def log(self, workspace: Path, start: int, most: int) -> bytes:
        """What it wrote from `start` (bytes) on, by whole lines, at most so many bytes."""
