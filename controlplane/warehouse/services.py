"""Asking for loads, and keeping what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.core.outbox import enqueue
from controlplane.core.pruning import delete_in_chunks, long_ago
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from controlplane.warehouse.models import Load, LoadStatus
from spark_jobs.contracts import Query

ABANDONED = timedelta(seconds=60)
FORGOTTEN = timedelta(seconds=30)  # by the queue: asked again, a load that only waits is still done once
QUANTILES = np.arange(101) / 100


def load_request(*, pipeline: Pipeline) -> Load:
    """Have the warehouse loaded. A load that waits already will take this in: it reads Gold when it starts."""
    waiting = Load.objects.filter(pipeline=pipeline, status=LoadStatus.REQUESTED).first()
    if waiting is not None:
        return waiting
    try:
        with transaction.atomic():
            load = Load.objects.create(pipeline=pipeline)
    except IntegrityError:
        return Load.objects.get(pipeline=pipeline, status=LoadStatus.REQUESTED)
    enqueue(task="penstock.load_warehouse", load_id=load.pk)
    return load


def load_start(*, load_id: int) -> Load | None:
    """Take a requested load; None when it is not to be had any more."""
    won = Load.objects.filter(pk=load_id, status=LoadStatus.REQUESTED).update(
        status=LoadStatus.RUNNING, started_at=timezone.now()
    )
    return Load.objects.select_related("pipeline").get(pk=load_id) if won else None


@transaction.atomic
def load_finish(
    *,
    load: Load,
    gold_version: int,
    gold_seq: int,
    windows: int,
    readings: int,
    committed_at: float,
    held: Mapping[int, int] | None = None,
) -> list[float]:
    """Keep what a load did; gives 101 quantiles of the latency of what it was the first to bring, or none.

    Called again it gives and keeps the same.
    """
    latency = _latency(load, gold_seq, committed_at)
    started = load.started_at or timezone.now()
    Load.objects.filter(pk=load.pk).update(
        status=LoadStatus.SUCCEEDED,
        reason="",
        committed_at=datetime.fromtimestamp(committed_at, UTC),
        seconds=max(0.0, committed_at - started.timestamp()),
        gold_version=gold_version,
        gold_seq=gold_seq,
        windows=windows,
        readings=readings,
        latency=latency,
        held={str(hour): count for hour, count in (held or {}).items() if count},
    )
    return latency


def load_fail(*, load: Load, reason: str) -> None:
    """Note the failure and ask again, later each time: what was not loaded must be, some time."""
    Load.objects.filter(pk=load.pk, status=LoadStatus.RUNNING).update(
        status=LoadStatus.FAILED, reason=reason, attempts=load.attempts + 1
    )


def loads_recover() -> int:
    """Ask again for loads whose worker was lost, and after failed ones. A load that did commit finds that out."""
    now, recovered = timezone.now(), 0
    lost = Q(status=LoadStatus.RUNNING, started_at__lt=now - ABANDONED)
    lost |= Q(status=LoadStatus.REQUESTED, requested_at__lt=now - FORGOTTEN)
    for load in Load.objects.filter(lost).order_by("pk"):
        with transaction.atomic():
            others = Load.objects.filter(pipeline=load.pipeline, status=LoadStatus.REQUESTED).exclude(pk=load.pk)
            # The same load id must run again: it may have committed. The newer request takes its turn afterwards.
            others.delete()
            won = Load.objects.filter(pk=load.pk, status=load.status, started_at=load.started_at).update(
                status=LoadStatus.REQUESTED, requested_at=now, attempts=load.attempts + 1
            )
            if won:
                enqueue(task="penstock.load_warehouse", load_id=load.pk)
                recovered += 1
    for pipeline in Pipeline.objects.all():
        newest = pipeline.loads.order_by("-pk").first()
        if newest is not None and newest.status == LoadStatus.FAILED:
            with transaction.atomic():
                load_request(pipeline=pipeline)
            recovered += 1
    return recovered


def loads_prune(*, days: int) -> int:
    """Delete loads that ended and were asked for more than `days` ago; gives how many. Raises ValueError below one day.

    Of each pipeline stay the newest, after whose failure the next is asked for; the newest that brought readings, by
    which the warehouse's freshness goes; and the one that reached furthest in Gold, which is what counts as loaded.
    """
    before, deleted = long_ago(days), 0
    for pipeline in Pipeline.objects.all():
        loads = Load.objects.filter(pipeline=pipeline)
        done = loads.filter(status=LoadStatus.SUCCEEDED)
        needed = (
            loads.order_by("-pk"),
            done.order_by("-committed_at"),
            done.filter(readings__gt=0).order_by("-committed_at"),
            done.filter(gold_seq__isnull=False).order_by("-gold_seq"),
        )
        kept = [found.pk for found in (some.defer("latency").first() for some in needed) if found]
        ended = loads.filter(status__in=[LoadStatus.SUCCEEDED, LoadStatus.FAILED], requested_at__lt=before)
        deleted += delete_in_chunks(ended.exclude(pk__in=kept).order_by("pk"))
    return deleted


def _latency(load: Load, gold_seq: int, committed_at: float) -> list[float]:
    """Quantiles of commit time less event time over the readings that this load was the first to carry."""
    theirs = Q(carried_by=None) | Q(carried_by=load.pk)
    carried = [
        batch
        for batch in MicroBatch.objects.filter(theirs, pipeline=load.pipeline, query=Query.AGGREGATE)
        if (batch.generation << 40 | batch.batch) <= gold_seq
    ]
    MicroBatch.objects.filter(pk__in=[batch.pk for batch in carried]).update(carried_by=load.pk)
    timed = [batch for batch in carried if batch.event_times]
    if not timed:
        return []
    ages = np.concatenate([committed_at - np.array(batch.event_times) for batch in timed])
    weights = np.concatenate([np.full(len(batch.event_times), batch.rows_in) for batch in timed])
    return weighted_quantiles(ages, weights)


def weighted_quantiles(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], weights: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> list[float]:
    """101 quantiles of weighted values."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return [round(float(item), 3) for item in np.interp(QUANTILES * weights.sum(), reached, values[order])]
