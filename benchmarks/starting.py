"""From a run's request over the API to its start by a worker, and to its first stage at work, beside a live stream.

Runs are asked for one after the other, each once the one before is over. The moments are those that the database keeps:
`queued_at` and `started_at` of the run, and `started_at` of its first stage, which for a stage in an application is the
application's own word.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import harness
from cli import login
from cli.client import Client

GOAL = 1.0
RATE, SENSORS = 100.0, 100
WAIT_SECONDS = 300.0


def main() -> int:
    """Exit 0 when the slowest start of a run reaches the goal."""
    parser = argparse.ArgumentParser(prog="benchmarks.starting", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="maintenance runs to ask for (%(default)s)")
    parser.add_argument("--home", type=Path, help="a running stack without simulator; without it a throw-away one")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with harness.stack(options.home) as home, harness.simulator(RATE, SENSORS):
        harness.wait_for_first_readings(WAIT_SECONDS)
        client = Client(login.of_stack(home))
        starts = [_start(client) for _ in range(options.runs)]
    started, at_work = zip(*starts, strict=True)
    harness.report(
        {
            "benchmark": "starting",
            "runs": options.runs,
            "started_seconds": _summary(started),
            "first_stage_seconds": _summary(at_work),
            "goal": GOAL,
            "load_before": before,
            "load_after": harness.load_average(),
        }
    )
    return 0 if max(started) < GOAL else 1


def _summary(seconds: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seconds), 3), "slowest": round(max(seconds), 3)}


def _start(client: Client) -> tuple[float, float]:
    """Seconds until the run was started, and until its first stage was at work; comes back when the run is over."""
    from controlplane.runs.models import Run

    made: dict[str, Any] = client.post(f"{client.pipeline}/runs", kind="maintenance", reason="benchmark")
    until = time.monotonic() + WAIT_SECONDS
    while not (run := Run.objects.get(pk=made["id"])).is_over:
        if time.monotonic() > until:
            raise SystemExit(f"{run} is {run.state} after {WAIT_SECONDS:.0f} s")
        time.sleep(0.2)
    first = run.stages.earliest("position")
    if run.started_at is None or first.started_at is None:
        raise SystemExit(f"{run} has {run.state} before its first stage: {run.cause}")
    return (run.started_at - run.queued_at).total_seconds(), (first.started_at - run.queued_at).total_seconds()


if __name__ == "__main__":
    sys.exit(main())
