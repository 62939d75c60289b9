"""How long a reading takes from its event to the number on the screen, in Chromium; what opening the Overview costs.

The number is the count of records below "Readings". The k-th reading by event time is on the screen once a painted
frame shows k or more. Needs the console built (`make setup`) and a Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from playwright.sync_api import Page

from benchmarks import harness
from cli import login
from cli.embedded.environment import TOPIC
from tests.console.browsing import Console, chromium

GOALS = {"p95_seconds": 4.0, "opening_seconds": 1.5, "script_kilobytes": 250, "requests": 10, "websockets": 1}
OPENINGS = 5
FIRST_READINGS_SECONDS = 120
# A count is told of once it is painted: in the frame after the one that it was set in.
RECORD_COUNTS = """() => {
  window.counts = [];
  const note = () => {
    const value = Number(document.querySelector('[data-testid=received]')?.dataset.value);
    if (value) requestAnimationFrame(() => setTimeout(() => window.counts.push([Date.now() / 1000, value])));
  };
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, attributes: true,
    attributeFilter: ['data-value']});
}"""
OPENED = """() => {
  const shown = document.querySelector('[data-testid=received]')?.dataset.value;
  return shown ? performance.now() : 0;
}"""
RESOURCES = """() => performance.getEntriesByType('resource').map(
  each => ({kind: each.initiatorType, name: new URL(each.name).pathname, bytes: each.encodedBodySize}))"""


def main() -> int:
    """Exit 0 when all goals are reached, by the goals of an otherwise idle machine."""
    options = _options()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with harness.stack(options.home) as home:
        with harness.simulator(options.rate, options.sensors):
            harness.wait_for_first_readings(FIRST_READINGS_SECONDS)
            with chromium() as browser:
                url = login.of_stack(home).url
                console = Console(browser, url, home.generated_secrets()["admin_password"])
                page = console.page()
                console.sign_in(page)
                page.evaluate(RECORD_COUNTS)
                page.wait_for_timeout(options.seconds * 1000)
                counts: list[tuple[float, int]] = page.evaluate("window.counts")
                openings = [_open(page.context.new_page(), url) for _ in range(OPENINGS)]
            load = harness.load_average()
        ages = _ages(_event_times(os.environ["PENSTOCK_BOOTSTRAP_SERVERS"]), counts)
    p50, p95, p99 = np.quantile(ages, (0.5, 0.95, 0.99)).round(3).tolist()
    opening = {name: max(each[name] for each in openings) for name in openings[0]}
    opening["opening_seconds"] = float(np.median([each["opening_seconds"] for each in openings]))
    measured = {"p95_seconds": p95, **opening}
    harness.report(
        {
            "benchmark": "screen",
            "rate": options.rate,
            "readings": len(ages),
            "event_to_screen_seconds": {"p50": p50, "p95": p95, "p99": p99, "greatest": round(float(ages.max()), 3)},
            "opening": opening,
            "goals": GOALS,
            "load_before": before,
            "load_during": load,
        }
    )
    return 0 if all(measured[name] <= goal for name, goal in GOALS.items()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.screen", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (%(default)s)")
    parser.add_argument("--rate", type=float, default=1000.0, help="readings a second (%(default)s)")
    parser.add_argument("--sensors", type=int, default=1000, help="of the fleet (%(default)s)")
    parser.add_argument("--home", type=Path, help="a fresh stack without simulator; without it a throw-away one")
    return parser.parse_args()


def _open(page: Page, url: str) -> dict[str, float]:
    """Open the Overview in a tab of its own, with an empty cache; seconds until its figures are there."""
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(url, wait_until="commit")
    opened = page.wait_for_function(OPENED, polling="raf").json_value()
    resources: list[dict[str, Any]] = page.evaluate(RESOURCES)
    page.close()
    return {
        "opening_seconds": round(opened / 1000, 3),
        "script_kilobytes": round(sum(each["bytes"] for each in resources if each["name"].endswith(".js")) / 1000, 1),
        "requests": 1 + len(resources),
        "websockets": len(sockets),
    }


def _event_times(bootstrap: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Of all records of the topic, epoch seconds, in order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "benchmark", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions
        ends = {each: consumer.get_watermark_offsets(TopicPartition(TOPIC, each), timeout=30)[1] for each in partitions}
        consumer.assign([TopicPartition(TOPIC, each, 0) for each in partitions])
        times: list[float] = []
        until = time.monotonic() + 120
        while len(times) < sum(ends.values()):
            if time.monotonic() > until:
                raise SystemExit(f"only {len(times)} of {sum(ends.values())} records could be read")
            for message in consumer.consume(10_000, timeout=1.0):
                times.append(datetime.fromisoformat(json.loads(message.value())["timestamp"]).timestamp())
    finally:
        consumer.close()
    return np.sort(np.array(times))


def _ages(times: np.ndarray[Any, Any], counts: list[tuple[float, int]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds from event to screen of every reading that came between the first and the last count."""
    moments, values = np.array([at for at, _ in counts]), np.array([count for _, count in counts])
    places = np.arange(values[0], min(values[-1], len(times)))
    return moments[np.searchsorted(values, places + 1)] - times[places]


if __name__ == "__main__":
    sys.exit(main())
