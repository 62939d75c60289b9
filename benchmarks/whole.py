"""The whole way: a backlog from Kafka to the warehouse, against `from_json` on the same records without a sink.

The stack is up and its driver stopped while the backlog is written and parsed for reference. Then the driver is
started; the clock runs from its report that it runs to the load that brings the last reading.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from pyspark.sql import functions as F

from benchmarks import harness
from cli.embedded import figures, jars
from cli.embedded.environment import PIPELINE, TOPIC
from spark_jobs.jobs.session import open_session
from spark_jobs.schemas import WIRE

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
        from controlplane.streaming.services import Desired, job_desire

        job_desire(pipeline=PIPELINE, desired=Desired.STOPPED)
        _wait_for("stopped", 120)
        _produce(options.events, options.sensors)
        reference = _parse(options.events, options.rounds)
        job_desire(pipeline=PIPELINE, desired=Desired.RUNNING)
        _wait_for("running", 180)
        started = time.time()
        settled = harness.wait_until_settled(WAIT_SECONDS)
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


def _produce(events: int, sensors: int) -> None:
    argv = [sys.executable, "-m", "pipeline_workers.simulator", "--pipeline", PIPELINE, "--max-events", str(events)]
    argv += ["--rate", "0", "--sensors", str(sensors), "--malformed-rate", "0.02"]
    subprocess.run(argv, check=True, stdout=sys.stderr)


def _parse(events: int, rounds: int) -> float:
    """Records a second, the median of the rounds."""
    found = sorted(str(jar) for jar in jars.ensure(harness.say).spark.glob("*.jar"))
    spark = open_session("penstock-bench", master="local[2]", jars=found, memory="2g")
    try:
        records = spark.read.format("kafka").option("subscribe", TOPIC)
        records = records.option("kafka.bootstrap.servers", os.environ["PENSTOCK_BOOTSTRAP_SERVERS"]).load()
        parsed = records.select(F.from_json(F.col("value").cast("string"), WIRE))
        speeds = []
        for _ in range(rounds + 2):
            started = time.monotonic()
            parsed.write.format("noop").mode("overwrite").save()
            speeds.append(events / (time.monotonic() - started))
            harness.say(f"from_json {speeds[-1]:,.0f}/s")
        return statistics.median(speeds[2:])
    finally:
        spark.stop()


def _last_load() -> float:
    """When the newest load was committed, epoch seconds."""
    from controlplane.warehouse.models import Load, LoadStatus

    newest = Load.objects.filter(pipeline__name=PIPELINE, status=LoadStatus.SUCCEEDED).latest("committed_at")
    return newest.committed_at.timestamp() if newest.committed_at else 0.0


if __name__ == "__main__":
    sys.exit(main())
