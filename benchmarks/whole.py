"""The whole way: a backlog from Kafka to the warehouse, against `from_json` on the same records without a sink.

The stack is up and its driver stopped while the backlog is written and parsed for reference. Then the driver is
started; the clock runs from its report that it runs to the load that brings the last reading.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

from benchmarks import backlog, harness
from cli.embedded import figures
from cli.embedded.environment import PIPELINE, TOPIC

GOAL = 0.06
WAIT_SECONDS = 900


def main() -> int:
    """Exit 0 when the ratio reaches the goal and the accounts balance."""
    parser = argparse.ArgumentParser(prog="benchmarks.whole", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sensors", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3, help="of the reference, after two that warm it")
    parser.add_argument("--home", type=Path, help="a fresh stack without simulator; without it a throw-away one")
    options = parser.parse_args()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with harness.stack(options.home):
        from controlplane.streaming.services import job_desire
        from controlplane.streaming.states import Desired

        job_desire(pipeline=PIPELINE, desired=Desired.STOPPED)
        _wait_for("stopped", 120)
        backlog.produce(options.events, options.sensors, ["--pipeline", PIPELINE])
        reference = _from_json(options.events, options.rounds)
        job_desire(pipeline=PIPELINE, desired=Desired.RUNNING)
        _wait_for("running", 180)
        started = time.time()
        settled = harness.wait_until_settled(WAIT_SECONDS, options.events)
        accounts, ended = figures.accounts(), _last_load()
    seconds = ended - started
    own = accounts["warehouse_readings"] / seconds
    ratio = own / reference
    harness.report(
        {
            "benchmark": "whole",
            "events": options.events,
            "from_json_per_second": round(reference),
            "warehouse_readings": accounts["warehouse_readings"],
            "seconds": round(seconds, 1),
            "per_second": round(own),
            "ratio": round(ratio, 3),
            "goal": GOAL,
            "settled": settled,
            "balanced": accounts["balanced"],
            "load_before": before,
            "load_after": harness.load_average(),
        }
    )
    return 0 if ratio >= GOAL and settled and accounts["balanced"] else 1


def _wait_for(observed: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while figures.figures()["observed"] != observed:
        if time.monotonic() > until:
            raise SystemExit(f"the driver was not {observed} within {seconds:.0f} s")
        time.sleep(0.2)


def _from_json(events: int, rounds: int) -> float:
    """Records a second, the median of the rounds."""
    spark = backlog.session("2g")
    try:
        messages = backlog.records(spark, os.environ["PENSTOCK_BOOTSTRAP_SERVERS"], TOPIC)
        seconds = [backlog.parse(messages) for _ in range(backlog.WARMING + rounds)]
    finally:
        spark.stop()
    harness.say(f"from_json takes {', '.join(f'{each:.1f}' for each in seconds)} s")
    return events / statistics.median(seconds[backlog.WARMING :])


def _last_load() -> float:
    """When the newest load was committed, epoch seconds."""
    from controlplane.warehouse.models import Load, LoadStatus

    newest = Load.objects.filter(pipeline__name=PIPELINE, status=LoadStatus.SUCCEEDED).latest("committed_at")
    return newest.committed_at.timestamp() if newest.committed_at else 0.0


if __name__ == "__main__":
    sys.exit(main())
