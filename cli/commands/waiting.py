"""Waiting until a streaming job is as it was asked to be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cli.embedded.errors import StackError

POLL_SECONDS = 0.5
LONGEST_SECONDS = 300.0  # a drain has 90 s, and a driver that recalls much starts slowly

REACHED = {"running": {"running"}, "stopped": {"stopped", "failed"}}  # what was given up does not run either

Job = dict[str, Any]


def until_settled(
    ask: Callable[[], Job], target: str, before: Job, *, newer_launch: bool, seconds: float = LONGEST_SECONDS
) -> Job:
    """The job once it is observed as `target`, of a later launch than `before` if that is asked for.

    Raises StackError when the job is given up, when somebody wants something else of it, and when time is up.
    """
    until = time.monotonic() + seconds
    while True:
        job = ask()
        launched = not newer_launch or job["fencing_token"] > before["fencing_token"]
        if job["observed"] in REACHED[target] and launched:
            return job
        if job["desired"] != target:
            raise StackError(f"the job is wanted {job['desired']} meanwhile: somebody else asked for that")
        # One that had been given up before is so until the next round looks at it.
        if job["observed"] == "failed" and job["moves"][:1] != before["moves"][:1]:
            raise StackError(f"the job is given up: {job['reason']}")
        if time.monotonic() >= until:
            raise StackError(f"the job is {job['observed']} after {seconds:.0f} s: {job['reason']}")
        time.sleep(POLL_SECONDS)
