"""How fast the simulator is, against a bare confluent-kafka produce loop of ready-made payloads.

The loop has the same payloads, the same librdkafka settings and the same broker; rounds alternate. The simulator runs
as people run it: a process of its own that makes noise and spikes and checks deliveries. The ratio that decides is with
its default options; the one with faults on the way (1 % malformed, 1 % duplicates, 0.5 % late) stands beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
from confluent_kafka import Producer

from benchmarks import harness
from pipeline_workers.simulator.delivery import settings
from pipeline_workers.simulator.fleet import Batch, Fleet, Rates
from pipeline_workers.simulator.profiles import fleet_of
from pipeline_workers.topics import ensure_topics

TOPIC, TELEMETRY = "bench-simulator", "bench-simulator-telemetry"
GOAL = 0.5
FAULTS = {"malformed": 0.01, "duplicate": 0.01, "late": 0.005}


def main() -> int:
    """Exit 0 when the ratio reaches the goal."""
    options = _options()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    payloads = _payloads(min(options.events, 200_000), options.sensors)
    bare: list[float] = []
    simulated: list[float] = []
    faulty: list[float] = []
    with harness.broker(options.bootstrap_servers) as servers:
        ensure_topics(servers, TOPIC, TELEMETRY)
        _bare(servers, payloads, len(payloads))  # the broker's first million is slower than the next
        _simulator(servers, options.events, options.sensors, {})
        for number in range(options.rounds):
            bare.append(_bare(servers, payloads, options.events))
            simulated.append(_simulator(servers, options.events, options.sensors, {}))
            faulty.append(_simulator(servers, options.events, options.sensors, FAULTS))
            rates = f"simulator {simulated[-1]:,.0f}/s, with faults {faulty[-1]:,.0f}/s"
            harness.say(f"round {number + 1}: bare {bare[-1]:,.0f}/s, {rates}")
    ratios = [own / other for own, other in zip(simulated, bare, strict=True)]
    result: dict[str, Any] = {
        "benchmark": "simulator",
        "events": options.events,
        "rounds": options.rounds,
        "bare_per_second": round(statistics.median(bare)),
        "simulator_per_second": round(statistics.median(simulated)),
        "with_faults_per_second": round(statistics.median(faulty)),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_with_faults": round(statistics.median(own / other for own, other in zip(faulty, bare, strict=True)), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "goal": GOAL,
        "load_before": before,
        "load_after": harness.load_average(),
    }
    result["reached"] = result["ratio"] >= GOAL
    harness.report(result)
    return 0 if result["reached"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.simulator", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="messages a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of each (%(default)s)")
    parser.add_argument("--sensors", type=int, default=100, help="of the fleet (%(default)s)")
    parser.add_argument("--bootstrap-servers", help="a running Kafka; without it a throw-away one")
    return parser.parse_args()


def _payloads(count: int, sensors: int) -> Batch:
    fleet = Fleet(fleet_of(sensors), Rates(), 0)
    start = time.time_ns() // 2000 * 2
    return fleet.readings(start + 2 * np.arange(count, dtype=np.int64))


def _bare(servers: str, ready: Batch, events: int) -> float:
    """Messages a second of the loop, the wait for the last acknowledgement included."""
    encoded = [payload.encode() if isinstance(payload, str) else payload for payload in ready.payloads]
    messages = list(zip([key.encode() for key in ready.keys], encoded, strict=True))
    producer = Producer(settings(servers, 60.0))
    producer.list_topics(timeout=10)
    sent = 0
    started = time.perf_counter()
    while sent < events:
        for key, value in messages[: events - sent]:
            while True:
                try:
                    producer.produce(TOPIC, value, key)
                    break
                except BufferError:
                    producer.poll(0.01)
            sent += 1
            if not sent % 1000:
                producer.poll(0)
    assert producer.flush(60) == 0
    return events / (time.perf_counter() - started)


def _simulator(servers: str, events: int, sensors: int, faults: dict[str, float]) -> float:
    """Messages a second of the simulator by its own clock, from its first look at Kafka to its last report."""
    argv = [sys.executable, "-m", "pipeline_workers.simulator", "--bootstrap-servers", servers, "--topic", TOPIC]
    argv += ["--telemetry-topic", TELEMETRY, "--rate", "0", "--max-events", str(events), "--sensors", str(sensors)]
    for name, rate in faults.items():
        argv += [f"--{name}-rate", str(rate)]
    done = subprocess.run(argv, cwd=harness.ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise SystemExit(f"the simulator failed: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    assert told["sent"] == events
    return float(told["readings_per_second"])


if __name__ == "__main__":
    sys.exit(main())
