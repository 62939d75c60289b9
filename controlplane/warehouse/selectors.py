"""Reading loads."""

from __future__ import annotations

from controlplane.pipelines.models import Pipeline
from controlplane.warehouse.models import Load, LoadStatus

BATCH_BITS = 40


def loaded_up_to(pipeline: Pipeline) -> tuple[int, int] | None:
    """Generation and batch of the last Gold commit that the warehouse has; None before the first load."""
    done = Load.objects.filter(pipeline=pipeline, status=LoadStatus.SUCCEEDED, gold_seq__isnull=False)
    seq = done.order_by("-gold_seq").values_list("gold_seq", flat=True).first()
    return None if seq is None or seq < 0 else (seq >> BATCH_BITS, seq & ((1 << BATCH_BITS) - 1))
