"""Series from the rollups, never more points than a chart has use for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from controlplane.core.errors import Invalid
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.metrics import KEPT, MOST_POINTS, Kind, Metric, Resolution
from controlplane.telemetry.models import Rollup


def series(*, pipeline: Pipeline, metrics: Iterable[Metric], start: datetime, end: datetime) -> dict[str, Any]:
    """Points of every label of the metrics, of the buckets that begin in [start, end). Raises Invalid.

    A rate has no point for a bucket that is not over: its sum would be set against seconds yet to come.
    """
    resolution = resolution_for(start=start, end=end)
    now = timezone.now().timestamp()
    rows = Rollup.objects.filter(
        pipeline=pipeline,
        metric__in=list(metrics),
        resolution=resolution,
        bucket__gte=start.timestamp(),
        bucket__lt=end.timestamp(),
    ).order_by("metric", "label", "bucket")
    points: defaultdict[tuple[Metric, str], list[list[float | None]]] = defaultdict(list)
    for name, label, bucket, total, weight, least, greatest in rows.values_list(
        "metric", "label", "bucket", "sum", "weight", "least", "greatest"
    ):
        metric = Metric(name)
        if metric.kind == Kind.GAUGE:
            points[metric, label].append([bucket, total / weight, least, greatest])
        elif bucket + resolution <= now:
            points[metric, label].append([bucket, total / resolution, None, None])
    return {
        "from": start.astimezone(UTC),
        "to": end.astimezone(UTC),
        "resolution_seconds": int(resolution),
        "series": [
            {"metric": metric, "label": label, "unit": metric.unit, "kind": metric.kind, "points": found}
            for (metric, label), found in points.items()
        ],
    }


def resolution_for(*, start: datetime, end: datetime) -> Resolution:
    """The finest that gives at most MOST_POINTS and is still kept at `start`, else the coarsest. Raises Invalid."""
    if start > end:
        told = f"the range ends ({_text(end)}) before it starts ({_text(start)})"
        raise Invalid(told, {"to": ["before the range starts"]})
    span = (end - start).total_seconds()
    fitting = [item for item in Resolution if span <= item * MOST_POINTS]
    if not fitting:
        told = f"the range is longer than {MOST_POINTS:,} hours"
        raise Invalid(told, {"from": [told]})
    now = timezone.now()
    return next((item for item in fitting if start >= now - KEPT[item]), fitting[-1])


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
