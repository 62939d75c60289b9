"""How long a reading takes from its event to its warehouse row, at a steady rate; lag and memory beside it.

The stack is one that has brought a few readings to the warehouse: a driver's very first batches take 20 s and more.
Latency is commit time of the load that carries a reading, less the reading's own time, from the recorded loads.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import harness
from cli.commands.status import stack_report
from cli.embedded import figures
from cli.embedded.environment import PIPELINE
from cli.embedded.home import Home

GOALS = {"p95_seconds": 15.0, "greatest_lag": 10_000, "memory_growth": 0.10}
POLL_SECONDS = 2.0
WARMING_RATE, WARMING_SECONDS = 100.0, 120
QUIET_GROWTH_MB = 5.0  # a tenth of a process of 20 MB is noise


def main() -> int:
    """Exit 0 when all goals are reached, by the goals of an otherwise idle machine."""
    options = _options()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with harness.stack(options.home) as home:
        with harness.simulator(WARMING_RATE, options.sensors):
            harness.wait_for_first_readings(WARMING_SECONDS)
        started = time.time()
        with harness.simulator(options.rate, options.sensors) as simulator:
            watched = _watch(home, simulator, options.minutes * 60)
        settled = harness.wait_until_settled(180)
        everything, later = _latency(started, 0), _latency(started, 60)
        accounts = figures.accounts()
    growth = _growth(watched["middle"], watched["end"])
    result: dict[str, Any] = {
        "benchmark": "latency",
        "rate": options.rate,
        "minutes": options.minutes,
        "readings": accounts["warehouse_readings"],
        "balanced": accounts["balanced"],
        "settled": settled,
        "latency_seconds": everything,
        "latency_seconds_after_first_minute": later,
        "greatest_lag": watched["greatest_lag"],
        "memory_mb": growth,
        "load_before": before,
        "load_during": watched["load"],
        "goals": GOALS,
    }
    result["reached"] = {
        "p95_seconds": everything["p95"] is not None and everything["p95"] < GOALS["p95_seconds"],
        "greatest_lag": watched["greatest_lag"] is not None and watched["greatest_lag"] < GOALS["greatest_lag"],
        "memory_growth": bool(growth) and all(item["steady"] for item in growth.values()),
        "accounts": settled and bool(accounts["balanced"]),
    }
    harness.report(result)
    return 0 if all(result["reached"].values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.latency", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (%(default)s)")
    parser.add_argument("--rate", type=float, default=1000.0, help="readings a second (%(default)s)")
    parser.add_argument("--sensors", type=int, default=1000, help="of the fleet (%(default)s)")
    parser.add_argument("--home", type=Path, help="a running stack without simulator; without it a throw-away one")
    return parser.parse_args()


def _watch(home: Home, simulator: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
    """Follow the figures; memory of every process at half time and at the end."""
    started = time.monotonic()
    greatest: int | None = None
    middle: dict[str, float] | None = None
    loads = []
    while (passed := time.monotonic() - started) < seconds:
        if simulator.poll() is not None:
            raise SystemExit(f"the simulator ended with {simulator.returncode}")
        if middle is None and passed >= seconds / 2:
            middle = _memory(home, simulator.pid)
        now = figures.figures()
        lag = (now["lag"] or {}).get("total")
        if lag is not None:
            greatest = max(greatest or 0, lag)
        loads.append(harness.load_average()[0])
        p95 = (now["latency"] or {}).get("p95")
        harness.say(f"{passed:.0f} s: lag {lag}, p95 {p95} s, throughput {now['throughput']}/s, load {loads[-1]}")
        time.sleep(min(POLL_SECONDS, max(0.0, seconds - (time.monotonic() - started))))
    return {
        "greatest_lag": greatest,
        "middle": middle or {},
        "end": _memory(home, simulator.pid),
        "load": {"median": float(np.median(loads)), "greatest": max(loads)},
    }


def _memory(home: Home, simulator: int) -> dict[str, float]:
    """Resident memory in MB of every process of the stack, named by service, program and pid."""
    found: dict[str, float] = {}
    told: set[int] = set()
    roots = {name: item["pid"] for name, item in stack_report(home)["processes"].items() if item["pid"]}
    # The driver first: a worker launched it, so it is among the worker's children too.
    for service, root in sorted({**roots, "simulator": simulator}.items(), key=lambda item: item[0] != "driver"):
        try:
            process = psutil.Process(root)
            family = [process, *process.children(recursive=True)]
        except psutil.Error:
            continue
        for member in family:
            if member.pid in told:
                continue
            told.add(member.pid)
            try:
                found[f"{service}/{member.name()}/{member.pid}"] = round(member.memory_info().rss / 1e6, 1)
            except psutil.Error:
                continue
    return found


def _growth(middle: dict[str, float], end: dict[str, float]) -> dict[str, dict[str, Any]]:
    """The processes that lived at both moments, and whether they stayed within a tenth."""
    return {
        name: {
            "middle": middle[name],
            "end": end[name],
            "steady": end[name] - middle[name] <= max(middle[name] * GOALS["memory_growth"], QUIET_GROWTH_MB),
        }
        for name in sorted(middle.keys() & end.keys())
    }


def _latency(started: float, after_seconds: float) -> dict[str, float | None]:
    """Quantiles over the readings of all loads committed since then, each load by its number of readings."""
    from controlplane.warehouse.models import Load, LoadStatus
    from controlplane.warehouse.services import weighted_quantiles

    done = Load.objects.filter(pipeline__name=PIPELINE, status=LoadStatus.SUCCEEDED)
    since = started + after_seconds
    timed = [load for load in done if load.latency and load.committed_at and load.committed_at.timestamp() >= since]
    if not timed:
        return {"p50": None, "p95": None, "p99": None, "greatest": None}
    ages = np.concatenate([np.array(load.latency) for load in timed])
    weights = np.concatenate([np.full(len(load.latency), max(1, load.readings), dtype=float) for load in timed])
    quantiles = weighted_quantiles(ages, weights)
    return {"p50": quantiles[50], "p95": quantiles[95], "p99": quantiles[99], "greatest": float(ages.max())}


if __name__ == "__main__":
    sys.exit(main())
