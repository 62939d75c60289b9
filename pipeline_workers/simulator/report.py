"""Tells what was sent: telemetry every second, Prometheus counters, a progress line, and the counts at the end."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections import Counter
from typing import Any

from confluent_kafka import KafkaException, Producer
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client import Counter as PrometheusCounter

from pipeline_workers.simulator.delivery import Delivery
from pipeline_workers.simulator.fleet import Kind
from spark_jobs.contracts import SimulatorActivity, SimulatorReport

EVERY_SECONDS = 1.0
log = logging.getLogger(__name__)


class Metrics:
    """Prometheus counters on a port of their own registry."""

    def __init__(self, address: str, port: int) -> None:
        registry = CollectorRegistry()
        self._readings = PrometheusCounter(
            "penstock_simulator_readings", "Messages delivered to Kafka, by kind.", ["kind"], registry=registry
        )
        self._failed = PrometheusCounter(
            "penstock_simulator_failed", "Messages that Kafka did not take.", registry=registry
        )
        self._queued = Gauge("penstock_simulator_queued", "Messages made and not yet acknowledged.", registry=registry)
        self._told: Counter[Kind] = Counter()
        self._told_failed = 0
        for kind in Kind:
            self._readings.labels(kind.value)
        try:
            start_http_server(port, addr=address, registry=registry)
        except OSError as error:
            raise OSError(f"metrics cannot be served on {address}:{port}: {error.strerror}") from error

    def update(self, delivered: Counter[Kind], failed: int, queued: int) -> None:
        for kind, count in delivered.items():
            self._readings.labels(kind.value).inc(count - self._told[kind])
        self._failed.inc(failed - self._told_failed)
        self._queued.set(queued)
        self._told, self._told_failed = delivered.copy(), failed


class Reporter:
    """Takes exact counts of what was delivered, at most every second, and passes them on."""

    def __init__(
        self,
        delivery: Delivery,
        *,
        pipeline: str,
        telemetry: tuple[str, str] | None,
        metrics: Metrics | None,
        progress: bool,
    ) -> None:
        """`telemetry` is bootstrap servers and topic."""
        self._delivery = delivery
        self._pipeline = pipeline
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._started = time.monotonic()
        self._next = self._started
        self._metrics = metrics
        self._progress = progress
        self._topic = telemetry[1] if telemetry else ""
        # A producer of its own: a report that does not arrive is a pity, a reading that does not is an error.
        self._producer = Producer({"bootstrap.servers": telemetry[0], "log_level": 2}) if telemetry else None

    def tick(self, activity: SimulatorActivity = SimulatorActivity.RUNNING) -> None:
        """Report if it is time to."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_SECONDS
            # By kind the counts are exact only when nothing is under way; while Kafka is away, they wait.
            if not self._delivery.flush(0.5):
                self._tell(activity)
            self._show()

    def final(self) -> dict[str, Any]:
        """The last report, and the counts as the caller prints them."""
        report = self._tell(SimulatorActivity.FINISHED)
        if self._progress:
            self._show()
            sys.stderr.write("\n")
        if self._producer is not None and self._producer.flush(5):
            log.warning("the last telemetry report was not delivered")
        seconds = time.monotonic() - self._started
        counts = {
            name: getattr(report, name)
            for name in ("sent", "normal", "anomalies", "malformed", "duplicates", "late", "failed")
        }
        return {
            "simulator": self._name,
            "topic": self._delivery.topic,
            **counts,
            "seconds": round(seconds, 3),
            "readings_per_second": round(report.sent / seconds, 1),
        }

    def _tell(self, activity: SimulatorActivity) -> SimulatorReport:
        delivered = self._delivery.made - self._delivery.failed
        failed = self._delivery.failed.total()
        report = SimulatorReport(
            pipeline=self._pipeline,
            at=time.time(),
            simulator=self._name,
            sent=delivered.total(),
            normal=delivered[Kind.NORMAL],
            anomalies=delivered[Kind.ANOMALY],
            malformed=delivered[Kind.MALFORMED],
            duplicates=delivered[Kind.DUPLICATE],
            late=delivered[Kind.LATE],
            failed=failed,
            final=activity is SimulatorActivity.FINISHED,
            state=activity,
        )
        if self._metrics:
            self._metrics.update(delivered, failed, self._delivery.queued)
        if self._producer is not None:
            try:
                self._producer.produce(self._topic, report.to_json(), key=self._pipeline)
                self._producer.poll(0)
            except (BufferError, KafkaException) as error:
                log.warning("a telemetry report could not be sent: %s", error)
        return report

    def _show(self) -> None:
        if not self._progress:
            return
        made, queued = self._delivery.made.total(), self._delivery.queued
        seconds = max(time.monotonic() - self._started, 1e-9)
        line = f"{made - queued:,} readings sent, {(made - queued) / seconds:,.0f}/s, {queued:,} queued"
        sys.stderr.write(f"\r{line}   " if sys.stderr.isatty() else f"{line}\n")
        sys.stderr.flush()
