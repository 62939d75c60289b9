"""The simulator's life: connect, send what is due until nothing is left or it is told to stop, account for it."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import signal
import sys
import time
from collections import Counter
from types import FrameType
from typing import Any, TextIO

from pipeline_workers.simulator.control import Control
from pipeline_workers.simulator.delivery import Delivery, DeliveryError
from pipeline_workers.simulator.fleet import Batch, Fleet
from pipeline_workers.simulator.options import parse
from pipeline_workers.simulator.profiles import fleet_of
from pipeline_workers.simulator.replay import RowError, rows
from pipeline_workers.simulator.report import Metrics, Reporter
from pipeline_workers.simulator.source import SECOND, FleetSource, ReplaySource, Source
from spark_jobs.contracts import SimulatorActivity

# Messages due within this time go together: waking for each would cost more than it says.
PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.2
STOP_SECONDS = 10.0


def main(argv: list[str] | None = None) -> int:
    """Run; returns the exit code: 0 only if every message that was made has been delivered."""
    options = parse(argv)
    # Messages are made by the thousand and hold no cycles: looking for some costs a tenth of the speed.
    gc.freeze()
    gc.set_threshold(100_000)
    try:
        return _run(options)
    except (DeliveryError, RowError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1


def _run(options: argparse.Namespace) -> int:
    delivery = Delivery(options.bootstrap_servers, options.topic, delivery_timeout=options.delivery_timeout)
    reporter = Reporter(
        delivery,
        pipeline=options.pipeline,
        telemetry=(options.bootstrap_servers, options.telemetry_topic) if options.telemetry_topic else None,
        metrics=None if options.metrics_port is None else Metrics(options.metrics_address, options.metrics_port),
        progress=options.progress,
    )
    delivery.connect(*filter(None, (options.topic, options.telemetry_topic)))
    control = None
    if options.controlled:
        delivery.connect(options.control_topic)
        control = Control(options.bootstrap_servers, options.control_topic, options.pipeline)
    with contextlib.ExitStack() as stack:
        truth = stack.enter_context(options.truth.open("w", encoding="utf-8")) if options.truth else None
        run = Simulation(_source(options), delivery, reporter, truth, control, stop_seconds=options.delivery_timeout)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, run.stop)
        try:
            run.send_all()
        finally:
            counts = reporter.final() | {"malformed_by_reason": dict(run.reasons)}
            sys.stdout.write(json.dumps(counts) + "\n")
            sys.stdout.flush()
    return 0


def _source(options: argparse.Namespace) -> Source:
    now = time.time_ns() // 1000
    if options.replay_csv:
        recorded = rows(options.replay_csv)
        return ReplaySource(
            recorded, speed=options.speed, rebase=options.rebase_now, messages=options.max_events, start=now
        )
    fleet = Fleet(fleet_of(options.sensors), options.rates, options.seed)
    return FleetSource(fleet, rate=options.rate, messages=options.max_events, start=now)


class Simulation:
    """Brings a source's messages to Kafka when they are due, and their truth into a file."""

    def __init__(
        self,
        source: Source,
        delivery: Delivery,
        reporter: Reporter,
        truth: TextIO | None,
        control: Control | None,
        *,
        stop_seconds: float,
    ) -> None:
        self.reasons: Counter[str] = Counter()
        self._source = source
        self._delivery = delivery
        self._reporter = reporter
        self._truth = truth
        self._control = control
        self._stop_seconds = stop_seconds
        self._stopped = False

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Send no more; what is queued still goes out. Fit for a signal handler."""
        self._stopped = True

    def send_all(self) -> None:
        """Raises DeliveryError or RowError, but only after what could be delivered has been."""
        try:
            while not self._stopped and (due := self._source.next_due()) is not None:
                now = time.time_ns() // 1000
                if self._control is not None and self._control.paused():
                    self._pause(self._control, now)
                elif due > now:
                    time.sleep(min(max((due - now) / SECOND, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
                    self._delivery.poll(0)
                else:
                    self._send(self._source.take(now))
                self._reporter.tick()
        finally:
            self._finish()

    def _pause(self, control: Control, since: int) -> None:
        """Send nothing until resumed; the time in between is not made up for."""
        while control.paused() and not self._stopped:
            self._delivery.poll(LONGEST_PAUSE_SECONDS)
            self._reporter.tick(SimulatorActivity.PAUSED)
        self._source.postpone(max(0, time.time_ns() // 1000 - since))

    def _send(self, batch: Batch) -> None:
        while not self._delivery.has_room(len(batch)):
            if self._stopped:
                return  # nothing of this batch has been counted or sent
            self._delivery.poll(0.1)
            self._reporter.tick()
        self._delivery.send(batch)
        self.reasons.update(entry["reason"].value for entry in batch.truth if entry["reason"])
        self._write(batch.truth)
        self._delivery.check()

    def _write(self, truth: list[dict[str, Any]]) -> None:
        if self._truth:
            self._truth.writelines(json.dumps(entry) + "\n" for entry in truth)

    def _finish(self) -> None:
        deadline = time.monotonic() + self._stop_seconds
        while self._delivery.flush(1.0):
            if self._stopped or self._delivery.failed:
                # Whoever stops a process waits for some seconds, not for as long as Kafka may be away.
                deadline = min(deadline, time.monotonic() + STOP_SECONDS)
            if time.monotonic() > deadline:
                self._delivery.give_up()
                break
            self._reporter.tick()
        self._delivery.check()
