"""How long the stream stands after a driver is killed: from kill -9 to the first batch that the next driver commits.

A steady fleet sends all the while. The driver is killed again and again; each time the clock runs until Bronze has a
commit of the next launch and the control plane says that the job runs. A kill waits until the driver before has
committed for a while, so that each one starts from a stream that keeps up.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from benchmarks import harness
from cli.embedded import figures
from cli.embedded.environment import PIPELINE
from cli.embedded.home import Home
from spark_jobs.contracts import Table

GOAL = 30.0
WAIT_SECONDS = 180.0
STEADY_SECONDS = 10.0
POLL_SECONDS = 0.1
STEPS = ("noticed", "launched", "running", "committed")


def main() -> int:
    """Exit 0 when the median reaches the goal and the accounts balance."""
    parser = argparse.ArgumentParser(prog="benchmarks.recovery", description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--rate", type=float, default=100.0, help="readings a second (%(default)s)")
    parser.add_argument("--sensors", type=int, default=100, help="of the fleet (%(default)s)")
    parser.add_argument("--home", type=Path, help="a running stack without simulator; without it a throw-away one")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    rounds, loads = [], []
    with harness.stack(options.home) as home:
        with harness.simulator(options.rate, options.sensors):
            harness.wait_for_first_readings(WAIT_SECONDS)
            for _ in range(options.kills):
                time.sleep(STEADY_SECONDS)
                rounds.append(_kill(home))
                loads.append(harness.load_average()[0])
                harness.say(", ".join(f"{step} {rounds[-1][step]:.1f} s" for step in STEPS))
        settled = harness.wait_until_settled(WAIT_SECONDS)
        balanced = bool(figures.accounts()["balanced"])
    seconds = [max(item["running"], item["committed"]) for item in rounds]
    median = statistics.median(seconds)
    harness.report(
        {
            "benchmark": "recovery",
            "kills": options.kills,
            "rate": options.rate,
            "median_seconds": round(median, 1),
            "worst_seconds": round(max(seconds), 1),
            "steps_seconds": {step: [round(item[step], 1) for item in rounds] for step in STEPS},
            "goal": GOAL,
            "settled": settled,
            "balanced": balanced,
            "load_before": before,
            "load_during": loads,
        }
    )
    return 0 if median <= GOAL and settled and balanced else 1


def _kill(home: Home) -> dict[str, float]:
    """Kill the driver; seconds until its death is noticed, the next is launched, runs, and commits to Bronze."""
    from controlplane.streaming.models import StreamingJob, StreamingJobMove

    def job() -> Any:
        return StreamingJob.objects.get(pipeline__name=PIPELINE)

    token, pid, newest = job().fencing_token, figures.figures()["driver_pid"], _newest_commit(home)
    known = StreamingJobMove.objects.count()
    killed = time.time()
    os.kill(pid, signal.SIGKILL)

    def moved(to: str) -> float | None:
        moves = StreamingJobMove.objects.order_by("pk")[known:]
        return next((move.at.timestamp() for move in moves if move.after == to), None)

    def launched() -> float | None:
        now = job()
        return now.launched_at.timestamp() if now.fencing_token > token and now.launched_at else None

    def committed() -> float | None:
        at = _newest_commit(home)
        return at if at > max(newest, killed) else None

    done = {
        "noticed": _until(lambda: moved("stopped")),
        "launched": _until(launched),
        "committed": _until(committed),
        "running": _until(lambda: moved("running")),
    }
    return {step: at - killed for step, at in done.items()}


def _newest_commit(home: Home) -> float:
    """When a batch was last committed to Bronze, epoch seconds; what compacts commits too, and brings no batch."""
    commits = DeltaTable(Table.BRONZE.under(str(home.lake))).history(20)
    return max((item["timestamp"] / 1000 for item in commits if item["operation"] == "WRITE"), default=0.0)


def _until(happened: Callable[[], float | None]) -> float:
    until = time.monotonic() + WAIT_SECONDS
    while (at := happened()) is None:
        if time.monotonic() > until:
            raise SystemExit(f"the driver was not back within {WAIT_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    return at


if __name__ == "__main__":
    sys.exit(main())
