"""The life of an application that ends: its lock, its stages in order, and its word on each.

Exit codes: 0 every stage is done, 1 a stage failed, 2 unusable arguments, 3 another process holds the workspace, 143
ended by a signal. The last line on stderr names the cause, as `outcome.json` does.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from spark_jobs.applications import (
    LOCK,
    TEMPORARY,
    TERMINATED,
    ApplicationArguments,
    Outcome,
    StageOutcome,
    StageState,
)
from spark_jobs.jobs.causes import one_line

FAILED, UNUSABLE, HELD = 1, 2, 3


@dataclass(frozen=True)
class Done:
    """What a stage did: rows it read and wrote, and figures of its own by name."""

    rows_in: int = 0
    rows_out: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


Stages = Mapping[str, Callable[[], Done]]
Told = TypeVar("Told", bound=ApplicationArguments)


class Terminated(BaseException):
    """SIGTERM or SIGINT came. No `except Exception` of a stage may take it for a failure of its own."""


def serve(argv: list[str], kind: type[Told], usage: str, stages: Callable[[Told], Stages]) -> int:
    """Do what the file at `argv[1]` tells, stage by stage; the exit code."""
    if len(argv) != 2 or argv[1] in ("-h", "--help"):
        sys.stderr.write(f"{usage}\n")
        return 0 if argv[1:] in (["-h"], ["--help"]) else UNUSABLE
    try:
        arguments = kind.read(argv[1])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"arguments of {kind.module}: {one_line(str(error))}\n")
        return UNUSABLE
    workspace = Path(arguments.workspace)
    workspace.mkdir(parents=True, exist_ok=True)
    with (workspace / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            sys.stderr.write(f"another process holds {workspace}: {lock.read().strip()}\n")
            return HELD
        lock.truncate(0)
        json.dump({"run_tag": arguments.run_tag, "pid": os.getpid(), "started": time.time()}, lock)
        lock.flush()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, _terminate)
        try:
            return _Application(arguments, workspace).run(lambda: stages(arguments))
        finally:
            shutil.rmtree(workspace / TEMPORARY, ignore_errors=True)


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise Terminated(signal.Signals(signum).name)


class _Application:
    def __init__(self, arguments: ApplicationArguments, workspace: Path) -> None:
        self._names, self._workspace = arguments.stages, workspace
        self._outcome = Outcome(arguments.run_tag, tuple(StageOutcome(name) for name in arguments.stages))
        self._outcome.write(workspace)

    def run(self, make: Callable[[], Stages]) -> int:
        running = self._names[0] if self._names else ""
        try:
            # A session takes seconds to start, which the first stage is the one to wait for.
            self._tell(running, state=StageState.RUNNING, started_at=time.time())
            stages = make()
            for name in self._names:
                if name != running:
                    self._tell(name, state=StageState.RUNNING, started_at=time.time())
                running = name
                done = stages[name]()
                self._tell(
                    name,
                    state=StageState.SUCCEEDED,
                    ended_at=time.time(),
                    rows_in=done.rows_in,
                    rows_out=done.rows_out,
                    detail=done.detail,
                )
        except Terminated as ended:
            return self._end(running, TERMINATED, f"ended by {ended}")
        except Exception as error:
            traceback.print_exc()
            return self._end(running, FAILED, one_line(str(error)) or type(error).__name__)
        return self._end("", 0, "")

    def _tell(self, name: str, **changes: Any) -> None:
        self._outcome = self._outcome.with_stage(name, **changes)
        self._outcome.write(self._workspace)

    def _end(self, stage: str, code: int, reason: str) -> int:
        if stage:
            self._outcome = self._outcome.with_stage(stage, state=StageState.FAILED, ended_at=time.time())
        self._outcome = replace(self._outcome, code=code, reason=reason)
        self._outcome.write(self._workspace)
        if reason:
            sys.stderr.write(f"{reason}\n")
        return code
