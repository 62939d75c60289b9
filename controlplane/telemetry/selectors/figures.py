"""The live figures of a pipeline. What is not known is None, never 0."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Sum
from django.utils import timezone

from controlplane.core.snapshot import one_snapshot
from controlplane.ledger.models import LedgerTotal
from controlplane.ledger.selectors import accounts
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch, PartitionProgress, StreamingJob
from controlplane.streaming.states import Observed
from controlplane.telemetry.metrics import Metric, Resolution
from controlplane.telemetry.models import Rollup
from controlplane.telemetry.selectors.attention import attention
from controlplane.telemetry.selectors.simulator import simulator
from controlplane.warehouse.models import Load, LoadStatus
from controlplane.warehouse.selectors import latency_of
from controlplane.warehouse.services import weighted_quantiles
from spark_jobs.contracts import Measure, Query

RATE_SECONDS = 30
RECENT = timedelta(minutes=5)
STALE = timedelta(seconds=15)
# Twice the driver's heartbeat, and time for the page to say so within 15 s of its death.
SILENCE = timedelta(seconds=11)
WORKING = (Observed.RUNNING, Observed.DRAINING)
RATES = (Metric.INGESTED, Metric.ACCEPTED, Metric.DEAD_LETTERS, Metric.SILVER, Metric.GOLD, Metric.LOADED)
LAYERS = {"bronze": Query.INGEST, "silver": Query.REFINE, "gold": Query.AGGREGATE}


@one_snapshot()
def figures(pipeline: str, *, before: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The figures that docs/wiring.md and docs/api.md (Live) list. Raises NotFound.

    `before` are the attention items of the last time: what is among them already has been so since then.
    """
    ledger = accounts(pipeline)
    found = Pipeline.objects.get(name=pipeline)
    now = timezone.now()
    job = StreamingJob.objects.filter(pipeline=found).first()
    observed = _observed(job, now)
    rates = _rates(found, now) if observed in WORKING else dict.fromkeys(RATES)
    newest = found.loads.filter(status=LoadStatus.SUCCEEDED).order_by("-committed_at").first()
    reasons = LedgerTotal.objects.filter(pipeline=found, measure=Measure.DEAD_LETTER, count__gt=0)
    told = simulator(found)
    batches = {str(query): _last_batch(found, query) for query in Query}
    known: dict[str, Any] = {
        "pipeline": pipeline,
        "at": now.timestamp(),
        "desired": job.desired if job else None,
        "observed": observed,
        "driver_pid": job.pid if job else None,
        "reason": job.reason if job else "",
        "heartbeat_at": job.heartbeat_at.timestamp() if job and job.heartbeat_at else None,
        "throughput": rates[Metric.INGESTED],
        "rates": {str(metric): rate for metric, rate in rates.items()},
        "received": _received(found, now),
        "lag": lag(found),
        "latency": _latency(found, now),
        "anomaly_rate": _anomaly_rate(found, now),
        "dead_letters": {
            "total": ledger["dead_letters"],
            "by_reason": dict(reasons.order_by("detail").values_list("detail", "count")),
        },
        "accounts": ledger,
        "last_batches": batches,
        "last_load": _last_load(newest),
        "freshness": _freshness(found, now, batches),
        "simulator": told | {"at": told["at"].timestamp() if told["at"] else None},
    }
    return known | {"attention": attention(known, found, before or [])}


def lag(pipeline: Pipeline) -> dict[str, Any]:
    """What ingest has not read yet, by partition and in all; None where the broker's end is not known."""
    fresh = timezone.now() - STALE
    partitions: dict[str, int | None] = {}
    for item in pipeline.partitions.order_by("partition"):
        known = _end_known(item, fresh)
        partitions[str(item.partition)] = max(0, item.end_offset - (item.next_offset or 0)) if known else None
    return {"total": _total(list(partitions.values())), "partitions": partitions}


def _received(pipeline: Pipeline, now: datetime) -> int | None:
    """Records that the topic has had, by the broker's ends."""
    fresh = now - STALE
    return _total([item.end_offset if _end_known(item, fresh) else None for item in pipeline.partitions.all()])


def _end_known(item: PartitionProgress, fresh: datetime) -> bool:
    return item.end_offset is not None and item.end_at is not None and item.end_at >= fresh


def _total(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _observed(job: StreamingJob | None, now: datetime) -> str | None:
    """The job's observed state; unknown as soon as a running driver is silent, whoever has noticed that yet."""
    if job is None:
        return None
    heard = max((at for at in (job.heartbeat_at, job.launched_at) if at is not None), default=None)
    silent = heard is None or now - heard > SILENCE
    return str(Observed.UNKNOWN if job.observed == Observed.RUNNING and silent else job.observed)


def _rates(pipeline: Pipeline, now: datetime) -> dict[Metric, float | None]:
    """Readings per second over the last 30 s, and what has gone by of the bucket that is filling."""
    since = _bucket(now) - RATE_SECONDS
    sums = _sums(pipeline, RATES, since)
    return {metric: round(sums.get(metric, 0.0) / (now.timestamp() - since), 1) for metric in RATES}


def _anomaly_rate(pipeline: Pipeline, now: datetime) -> float | None:
    """Share of Silver rows of the last minutes that are flagged."""
    sums = _sums(pipeline, (Metric.SILVER, Metric.ANOMALIES), _bucket(now - RECENT))
    rows = sums.get(Metric.SILVER)
    return sums.get(Metric.ANOMALIES, 0.0) / rows if rows else None


def _sums(pipeline: Pipeline, metrics: tuple[Metric, ...], since: int) -> dict[str, float]:
    rollups = Rollup.objects.filter(
        pipeline=pipeline, metric__in=metrics, resolution=Resolution.TEN_SECONDS, bucket__gte=since
    )
    return dict(rollups.values("metric").annotate(total=Sum("sum")).values_list("metric", "total"))


def _bucket(moment: datetime) -> int:
    return int(moment.timestamp() // Resolution.TEN_SECONDS) * Resolution.TEN_SECONDS


def _latency(pipeline: Pipeline, now: datetime) -> dict[str, float | None]:
    loads = pipeline.loads.filter(status=LoadStatus.SUCCEEDED, committed_at__gte=now - RECENT)
    timed = [(latency, readings) for latency, readings in loads.values_list("latency", "readings") if latency]
    if not timed:
        return {"p50": None, "p95": None, "p99": None}
    ages = np.concatenate([np.array(latency) for latency, _ in timed])
    weights = np.concatenate([np.full(len(latency), max(1, readings), dtype=float) for latency, readings in timed])
    quantiles = weighted_quantiles(ages, weights)
    return {"p50": quantiles[50], "p95": quantiles[95], "p99": quantiles[99]}


def _last_batch(pipeline: Pipeline, query: Query) -> dict[str, Any] | None:
    batches = MicroBatch.objects.filter(pipeline=pipeline, query=query).defer("event_times")
    batch = batches.order_by("-committed_at").first()
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
    return {
        "at": load.committed_at.timestamp(),
        "seconds": load.seconds,
        "windows": load.windows,
        "latency": latency_of(load),
    }


def _freshness(pipeline: Pipeline, now: datetime, batches: dict[str, dict[str, Any] | None]) -> dict[str, float | None]:
    """Seconds since the last commit that brought rows to a layer; mostly that is the last commit of all."""
    newest: dict[str, float | None] = {}
    for layer, query in LAYERS.items():
        last = batches[query]
        newest[layer] = last["at"] if last and last["rows_in"] else _newest_with_rows(pipeline, query)
    loads = pipeline.loads.filter(status=LoadStatus.SUCCEEDED, readings__gt=0)
    loaded = loads.order_by("-committed_at").values_list("committed_at", flat=True).first()
    newest["warehouse"] = loaded.timestamp() if loaded else None
    return {layer: round(max(0.0, now.timestamp() - at), 1) if at else None for layer, at in newest.items()}


def _newest_with_rows(pipeline: Pipeline, query: Query) -> float | None:
    batches = MicroBatch.objects.filter(pipeline=pipeline, query=query, rows_in__gt=0)
    newest = batches.order_by("-committed_at").values_list("committed_at", flat=True).first()
    return newest.timestamp() if newest else None
