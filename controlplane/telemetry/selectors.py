"""The live figures of a pipeline. What is not known is None, never 0."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from django.db.models import Sum
from django.utils import timezone

from controlplane.ledger.models import LedgerEntry, LedgerTotal
from controlplane.ledger.selectors import accounts
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch, StreamingJob
from controlplane.warehouse.models import Load, LoadStatus
from controlplane.warehouse.services import weighted_quantiles
from spark_jobs.contracts import Measure, Query

THROUGHPUT_SECONDS = 30
RECENT = timedelta(minutes=5)
STALE = timedelta(seconds=15)


def figures(pipeline: str) -> dict[str, Any]:
    """The figures that docs/wiring.md lists. Raises NotFound."""
    ledger = accounts(pipeline)
    found = Pipeline.objects.get(name=pipeline)
    job = StreamingJob.objects.filter(pipeline=found).first()
    newest = found.loads.filter(status=LoadStatus.SUCCEEDED).order_by("-committed_at").first()
    reasons = LedgerTotal.objects.filter(pipeline=found, measure=Measure.DEAD_LETTER, count__gt=0)
    return {
        "pipeline": pipeline,
        "at": timezone.now().timestamp(),
        "desired": job.desired if job else None,
        "observed": job.observed if job else None,
        "driver_pid": job.pid if job else None,
        "reason": job.reason if job else "",
        "throughput": _throughput(found),
        "lag": _lag(found),
        "latency": _latency(found),
        "anomaly_rate": _anomaly_rate(found),
        "dead_letters": {
            "total": ledger["dead_letters"],
            "by_reason": dict(reasons.order_by("detail").values_list("detail", "count")),
        },
        "accounts": ledger,
        "last_batches": {str(query): _last_batch(found, query) for query in Query},
        "last_load": _last_load(newest),
    }


def _throughput(pipeline: Pipeline) -> float | None:
    """Records per second that ingest committed lately."""
    since = timezone.now() - timedelta(seconds=THROUGHPUT_SECONDS)
    batches = MicroBatch.objects.filter(pipeline=pipeline, query=Query.INGEST)
    if not batches.exists():
        return None
    rows = batches.filter(committed_at__gte=since).aggregate(rows=Sum("rows_in"))["rows"] or 0
    return round(rows / THROUGHPUT_SECONDS, 1)


def _lag(pipeline: Pipeline) -> dict[str, Any]:
    fresh = timezone.now() - STALE
    partitions: dict[str, int | None] = {}
    for item in pipeline.partitions.order_by("partition"):
        known = item.end_offset is not None and item.end_at is not None and item.end_at >= fresh
        lag = max(0, item.end_offset - (item.next_offset or 0)) if known else None
        partitions[str(item.partition)] = lag
    lags = list(partitions.values())
    total = sum(item for item in lags if item is not None) if lags and None not in lags else None
    return {"total": total, "partitions": partitions}


def _latency(pipeline: Pipeline) -> dict[str, float | None]:
    loads = pipeline.loads.filter(status=LoadStatus.SUCCEEDED, committed_at__gte=timezone.now() - RECENT)
    timed = [load for load in loads if load.latency]
    if not timed:
        return {"p50": None, "p95": None, "p99": None}
    ages = np.concatenate([np.array(load.latency) for load in timed])
    weights = np.concatenate([np.full(len(load.latency), max(1, load.readings), dtype=float) for load in timed])
    quantiles = weighted_quantiles(ages, weights)
    return {"p50": quantiles[50], "p95": quantiles[95], "p99": quantiles[99]}


def _anomaly_rate(pipeline: Pipeline) -> float | None:
    """Share of Silver rows of the last minutes that are flagged."""
    recent = LedgerEntry.objects.filter(pipeline=pipeline, recorded_at__gte=timezone.now() - RECENT)
    rows = recent.filter(measure=Measure.SILVER).aggregate(n=Sum("count"))["n"]
    if not rows:
        return None
    flagged = recent.filter(measure=Measure.ANOMALY).aggregate(n=Sum("count"))["n"] or 0
    return float(flagged / rows)


def _last_batch(pipeline: Pipeline, query: Query) -> dict[str, Any] | None:
    batch = MicroBatch.objects.filter(pipeline=pipeline, query=query).order_by("-committed_at").first()
    if batch is None:
        return None
    return {
        "batch": batch.batch,
        "rows_in": batch.rows_in,
        "seconds": batch.seconds,
        "at": batch.committed_at.timestamp(),
    }


def _last_load(load: Load | None) -> dict[str, Any] | None:
    if load is None or load.committed_at is None:
        return None
    return {"at": load.committed_at.timestamp(), "seconds": load.seconds, "windows": load.windows}
