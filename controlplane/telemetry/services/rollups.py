"""Adding to the series, in the transaction that makes the difference, and forgetting what is old."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.metrics import COUNTED, KEPT, LABELLED, QUANTILES, Kind, Metric, Resolution
from controlplane.telemetry.models import Rollup

# The ORM's upsert replaces; this one adds, without reading first.
ADD = """
INSERT INTO telemetry_rollup (pipeline_id, metric, label, resolution, bucket, sum, weight, least, greatest)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (pipeline_id, metric, resolution, bucket, label) DO UPDATE SET
    sum = telemetry_rollup.sum + EXCLUDED.sum,
    weight = telemetry_rollup.weight + EXCLUDED.weight,
    least = least(telemetry_rollup.least, EXCLUDED.least),
    greatest = greatest(telemetry_rollup.greatest, EXCLUDED.greatest)
"""


@dataclass(frozen=True)
class Sample:
    """What a metric rose by (a rate), or stood at with what weight (a gauge); `at` in seconds since the epoch."""

    at: float
    metric: Metric
    value: float
    weight: float = 1.0
    label: str = ""


@dataclass
class _Figures:
    """What is to be added to one bucket."""

    sum: float = 0.0
    weight: float = 0.0
    least: float | None = None
    greatest: float | None = None

    def add(self, sample: Sample) -> None:
        if sample.metric.kind == Kind.RATE:
            self.sum += sample.value
            return
        self.sum += sample.value * sample.weight
        self.weight += sample.weight
        self.least = sample.value if self.least is None else min(self.least, sample.value)
        self.greatest = sample.value if self.greatest is None else max(self.greatest, sample.value)


def rollups_add(*, pipeline: Pipeline, samples: Iterable[Sample]) -> None:
    """Add samples to their buckets of every resolution: one row a bucket, however many samples there are."""
    buckets: defaultdict[tuple[Metric, str, int, int], _Figures] = defaultdict(_Figures)
    for sample in samples:
        for resolution in Resolution:
            bucket = int(sample.at // resolution) * resolution
            buckets[sample.metric, sample.label, int(resolution), bucket].add(sample)
    # Always in one order: two transactions that add to the same buckets wait for each other only once.
    rows = [
        (pipeline.pk, *key, added.sum, added.weight, added.least, added.greatest)
        for key, added in sorted(buckets.items(), key=lambda item: item[0])
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(ADD, rows)


def samples_of(*, rises: Mapping[tuple[str, str], int], at: float) -> list[Sample]:
    """What the ledger rose by, (measure, detail) -> count. What a replay did not change is nothing."""
    counted: Counter[tuple[Metric, str]] = Counter()
    for (measure, detail), rise in rises.items():
        if metric := COUNTED.get(measure):
            counted[metric, detail if metric in LABELLED else ""] += rise
    return [Sample(at, metric, float(rise), label=label) for (metric, label), rise in counted.items() if rise]


def load_measure(*, pipeline: Pipeline, readings: int, latency: list[float], at: float) -> None:
    """Add what a load was the first to bring: readings, and 101 quantiles of their latency, or none."""
    if not readings:
        return
    samples = [Sample(at, Metric.LOADED, float(readings))]
    if latency and readings > 0:
        samples += [Sample(at, metric, latency[place], float(readings)) for metric, place in QUANTILES.items()]
    rollups_add(pipeline=pipeline, samples=samples)


def rollups_prune() -> int:
    """Delete what is older than its resolution is kept; gives how many rows."""
    now, deleted = timezone.now(), 0
    for resolution, kept in KEPT.items():
        oldest = int((now - kept).timestamp())
        deleted += Rollup.objects.filter(resolution=resolution, bucket__lt=oldest).delete()[0]
    return deleted
