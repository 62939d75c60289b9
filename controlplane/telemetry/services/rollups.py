"""Adding to the series, in the transaction that makes the difference, and forgetting what is old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.metrics import COUNTED, KEPT, LABELLED, QUANTILES, Kind, Metric, Resolution
from controlplane.telemetry.models import Rollup
from controlplane.warehouse.services import Carried

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


@dataclass(frozen=True, order=True)
class Sample:
    """What a metric rose by (a rate), or stood at with what weight (a gauge)."""

    metric: Metric
    value: float
    weight: float = 1.0
    label: str = ""


def rollups_add(*, pipeline: Pipeline, at: float, samples: Iterable[Sample]) -> None:
    """Add samples of one moment (seconds since the epoch) to their buckets of every resolution."""
    rows = [
        (pipeline.pk, sample.metric, sample.label, resolution, int(at // resolution) * resolution, *_figures(sample))
        # Always in one order: two transactions that add to the same buckets wait for each other only once.
        for sample in sorted(samples)
        for resolution in Resolution
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(ADD, rows)


def rises_add(*, pipeline: Pipeline, at: float, rises: Mapping[tuple[str, str], int]) -> None:
    """Add what the ledger rose by, (measure, detail) -> count. What a replay did not change adds nothing."""
    counted: Counter[tuple[Metric, str]] = Counter()
    for (measure, detail), rise in rises.items():
        if metric := COUNTED.get(measure):
            counted[metric, detail if metric in LABELLED else ""] += rise
    samples = [Sample(metric, float(rise), label=label) for (metric, label), rise in counted.items() if rise]
    rollups_add(pipeline=pipeline, at=at, samples=samples)


def load_measure(*, pipeline: Pipeline, carried: Carried, at: float) -> None:
    """Add what a load brought. Call it in the transaction of `load_finish`, whose answer is `carried`."""
    samples = [Sample(Metric.LOADED, float(carried.readings))] if carried.readings else []
    if carried.latency:
        weight = float(max(1, carried.readings))
        samples += [Sample(metric, carried.latency[quantile], weight) for metric, quantile in QUANTILES.items()]
    rollups_add(pipeline=pipeline, at=at, samples=samples)


def rollups_prune() -> int:
    """Delete what is older than its resolution is kept; gives how many rows."""
    now, deleted = timezone.now(), 0
    for resolution, kept in KEPT.items():
        oldest = int((now - kept).timestamp())
        deleted += Rollup.objects.filter(resolution=resolution, bucket__lt=oldest).delete()[0]
    return deleted


def _figures(sample: Sample) -> tuple[float, float, float | None, float | None]:
    """sum, weight, least and greatest of one sample."""
    if sample.metric.kind == Kind.RATE:
        return sample.value, 0.0, None, None
    return sample.value * sample.weight, sample.weight, sample.value, sample.value
