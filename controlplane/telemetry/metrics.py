"""The metrics that are kept as series, and how finely for how long. Data, no code."""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum, StrEnum

from spark_jobs.contracts import Measure


class Kind(StrEnum):
    RATE = "rate"  # counted: a point is what came in a bucket, by its seconds
    GAUGE = "gauge"  # sampled: a point is the weighted mean of a bucket's samples


class Metric(StrEnum):
    INGESTED = "ingested"
    ACCEPTED = "accepted"
    DEAD_LETTERS = "dead_letters"  # label: the reason
    SILVER = "silver"
    ANOMALIES = "anomalies"
    GOLD = "gold"
    LOADED = "loaded"
    LAG = "lag"  # label: the partition, empty for the sum
    LATENCY_P50 = "latency_p50"
    LATENCY_P95 = "latency_p95"
    LATENCY_P99 = "latency_p99"

    @property
    def kind(self) -> Kind:
        return Kind.GAUGE if self in UNITS else Kind.RATE

    @property
    def unit(self) -> str:
        return UNITS.get(self, "readings/s")


UNITS = {
    Metric.LAG: "readings",
    Metric.LATENCY_P50: "seconds",
    Metric.LATENCY_P95: "seconds",
    Metric.LATENCY_P99: "seconds",
}
QUANTILES = {Metric.LATENCY_P50: 50, Metric.LATENCY_P95: 95, Metric.LATENCY_P99: 99}
# A load is told of by nobody's batch: `loaded` comes from the load itself.
COUNTED: dict[str, Metric] = {
    Measure.KAFKA: Metric.INGESTED,
    Measure.ACCEPTED: Metric.ACCEPTED,
    Measure.DEAD_LETTER: Metric.DEAD_LETTERS,
    Measure.SILVER: Metric.SILVER,
    Measure.ANOMALY: Metric.ANOMALIES,
    Measure.GOLD: Metric.GOLD,
}
LABELLED = frozenset({Metric.DEAD_LETTERS})


class Resolution(IntEnum):
    """Seconds of a bucket."""

    TEN_SECONDS = 10
    MINUTE = 60
    HOUR = 3600


KEPT = {
    Resolution.TEN_SECONDS: timedelta(days=1),
    Resolution.MINUTE: timedelta(days=7),
    Resolution.HOUR: timedelta(days=365),
}
MOST_POINTS = 1500
