"""Reading loads."""

from __future__ import annotations

from datetime import datetime

from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from controlplane.warehouse.models import Load, LoadStatus
from spark_jobs.contracts import Query

BATCH_BITS = 40
TOLD_QUANTILES = (50, 95, 99)


def loaded_up_to(pipeline: Pipeline) -> tuple[int, int] | None:
    """Generation and batch of the last Gold commit that the warehouse has; None before the first load."""
    done = Load.objects.filter(pipeline=pipeline, status=LoadStatus.SUCCEEDED, gold_seq__isnull=False)
    seq = done.order_by("-gold_seq").values_list("gold_seq", flat=True).first()
    return None if seq is None or seq < 0 else (seq >> BATCH_BITS, seq & ((1 << BATCH_BITS) - 1))


def version_loaded(pipeline: Pipeline) -> int:
    """The newest version of gold/sensor_5min that the warehouse was loaded from; -1 before the first load."""
    done = Load.objects.filter(pipeline=pipeline, status=LoadStatus.SUCCEEDED, gold_version__isnull=False)
    newest = done.order_by("-gold_version").values_list("gold_version", flat=True).first()
    return -1 if newest is None else newest


def readings_held(pipeline: Pipeline) -> dict[int, int]:
    """What the warehouse lacks of Gold in windows that the newest load has left out, by event hour (epoch seconds)."""
    done = Load.objects.filter(pipeline=pipeline, status=LoadStatus.SUCCEEDED, gold_version__isnull=False)
    held = done.order_by("-gold_version", "-pk").values_list("held", flat=True).first() or {}
    return {int(hour): count for hour, count in held.items()}


def unloaded_since(pipeline: Pipeline) -> datetime | None:
    """When the oldest Gold batch was committed that no load has carried yet."""
    waiting = MicroBatch.objects.filter(pipeline=pipeline, query=Query.AGGREGATE, carried_by=None, rows_in__gt=0)
    return waiting.order_by("committed_at").values_list("committed_at", flat=True).first()


def loaded_last(pipeline: Pipeline) -> datetime | None:
    """When the newest load that succeeded was committed."""
    done = Load.objects.filter(pipeline=pipeline, status=LoadStatus.SUCCEEDED)
    return done.order_by("-committed_at").values_list("committed_at", flat=True).first()


def latency_of(load: Load) -> dict[str, float] | None:
    """Seconds from event to warehouse row of the readings that the load brought; None when it brought none."""
    return {f"p{percent}": load.latency[percent] for percent in TOLD_QUANTILES} if load.latency else None
