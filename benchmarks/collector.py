"""Whether the collector keeps up with 50 batches of telemetry a second, over a long history.

A real collector process consumes from a real broker; this process produces what three queries would tell, and watches
how far the offsets in PostgreSQL lie behind. A message is taken when its offset is, as that is one transaction.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import psycopg
from confluent_kafka import Producer

from benchmarks import harness
from benchmarks.controlplane import make_history, services
from cli.embedded import stack
from cli.embedded.environment import PIPELINE, TOPIC
from cli.embedded.running import running
from pipeline_workers.topics import ensure_topics
from spark_jobs.contracts import BatchCommitted, Entry, IngestProgress, Message

TELEMETRY = "penstock.telemetry"
GOALS = {"greatest_backlog": 100, "p95_seconds": 1.0}
POLL_SECONDS = 0.02
GENERATION = 2  # the history is the first
TAKEN = "SELECT coalesce(max(next_offset), 0) FROM telemetry_consumedoffset WHERE topic = %s"


def main() -> int:
    """Exit 0 when the backlog stays small and all is taken in the end."""
    options = _options()
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with services("postgres", "redis", "kafka") as (home, ports, env):
        servers = env["PENSTOCK_BOOTSTRAP_SERVERS"]
        ensure_topics(servers, TOPIC, TELEMETRY)
        entries = _prepare(options)
        figures = _time_figures()
        collector = next(item for item in stack.control_services(ports, env) if item.name == "collector")
        with running(collector, home), psycopg.connect(env["PENSTOCK_DATABASE_URL"], autocommit=True) as database:
            produced, taken, published = _drive(options, servers, database)
    delays = np.array(_delays(produced, taken))
    result: dict[str, Any] = {
        "benchmark": "collector",
        "batches_per_second": options.rate,
        "seconds": options.seconds,
        "history": {"batches": options.history, "ledger_entries": entries},
        "produced": len(produced),
        "taken": taken[-1][1],
        "greatest_backlog": _greatest_backlog(produced, taken),
        "seconds_until_taken": {f"p{at}": round(float(np.percentile(delays, at)), 3) for at in (50, 95, 99, 100)},
        "states_published_per_second": round(published / options.seconds, 2),
        "figures_milliseconds": figures,
        "goals": GOALS,
        "load_before": before,
        "load_after": harness.load_average(),
    }
    result["reached"] = (
        result["taken"] == len(produced)
        and result["greatest_backlog"] <= GOALS["greatest_backlog"]
        and result["seconds_until_taken"]["p95"] < GOALS["p95_seconds"]
    )
    harness.report(result)
    return 0 if result["reached"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.collector", description=__doc__)
    parser.add_argument("--rate", type=float, default=50.0, help="batches a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long (%(default)s)")
    parser.add_argument("--history", type=int, default=100_000, help="batches, of ten entries each (%(default)s)")
    return parser.parse_args()


def _prepare(options: argparse.Namespace) -> int:
    """The pipeline and its history; gives how many ledger entries that is."""
    from controlplane.ledger.models import LedgerEntry
    from controlplane.pipelines.services import pipeline_ensure
    from controlplane.streaming.services import job_ensure

    pipeline = pipeline_ensure(name=PIPELINE, topic=TOPIC)
    job_ensure(pipeline=pipeline)
    harness.say(f"making a history of {options.history:,} batches")
    make_history(pipeline.pk, options.history)
    return int(LedgerEntry.objects.count())


def _time_figures(rounds: int = 20) -> dict[str, float]:
    """What it costs to compute the figures over this history, alone."""
    from controlplane.telemetry.selectors import figures

    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        figures(PIPELINE)
        times.append(time.perf_counter() - started)
    return {"median": round(float(np.median(times)) * 1000, 1), "greatest": round(max(times) * 1000, 1)}


def _drive(
    options: argparse.Namespace, servers: str, database: psycopg.Connection[Any]
) -> tuple[list[float], list[tuple[float, int]], int]:
    """When each message was produced, what had been taken at each look, and how many states were published."""
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5})
    produced: list[float] = []
    taken: list[tuple[float, int]] = []
    started = time.monotonic()
    batch = 0
    while True:
        now = time.monotonic()
        while batch < options.rate * options.seconds and started + batch / options.rate <= now:
            for message in _told_of(batch):
                producer.produce(TELEMETRY, message.to_json(), key=PIPELINE)
                produced.append(time.monotonic())
            batch += 1
        producer.poll(0)
        row = database.execute(TAKEN, [TELEMETRY]).fetchone()
        taken.append((time.monotonic(), int(row[0]) if row else 0))
        if batch >= options.rate * options.seconds and taken[-1][1] >= len(produced):
            break
        if now - started > options.seconds + 60:
            break
        time.sleep(POLL_SECONDS)
    row = database.execute("SELECT max(seq) FROM telemetry_livestate").fetchone()
    return produced, taken, int(row[0]) if row and row[0] else 0


def _told_of(number: int) -> list[Message]:
    """What one batch of the three queries in turn tells; ingest says how far it has read as well."""
    query, batch, now = ("ingest", "refine", "aggregate")[number % 3], number // 3, time.time()
    hour = int(now // 3600) * 3600
    measures = {
        "ingest": ("kafka", "accepted", "dead_letter"),
        "refine": ("refined", "kept", "silver", "anomaly", "duplicate"),
        "aggregate": ("aggregated", "gold"),
    }[query]
    entries = tuple(
        Entry(hour - back * 3600, measure, 100, "empty" if measure == "dead_letter" else "")
        for measure in measures
        for back in range(3)
    )
    told: list[Message] = [
        BatchCommitted(
            pipeline=PIPELINE,
            at=now,
            query=query,
            generation=GENERATION,
            batch=batch,
            rows_in=300,
            seconds=0.5,
            entries=entries,
            event_times=tuple(now - 3 + step * 0.01 for step in range(101)) if query == "aggregate" else (),
        )
    ]
    if query == "ingest":
        told.append(IngestProgress(pipeline=PIPELINE, at=now, offsets={"0": 0, "1": 0, "2": 0}))
    return told


def _delays(produced: list[float], taken: list[tuple[float, int]]) -> list[float]:
    """Of each message, from its production to the first look that found it taken."""
    looks = iter(taken)
    at, offset = next(looks)
    delays = list[float]()
    for number, made in enumerate(produced):
        while offset <= number:
            following = next(looks, None)
            if following is None:
                return delays
            at, offset = following
        delays.append(at - made)
    return delays


def _greatest_backlog(produced: list[float], taken: list[tuple[float, int]]) -> int:
    made = np.searchsorted(np.array(produced), np.array([at for at, _ in taken]), side="right")
    return int(np.max(made - np.array([offset for _, offset in taken])))


if __name__ == "__main__":
    sys.exit(main())
