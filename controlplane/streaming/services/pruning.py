"""Forgetting micro-batches. What they counted is in the ledger and in the series."""

from __future__ import annotations

from django.db.models import Q

from controlplane.core.pruning import delete_in_chunks, long_ago
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from spark_jobs.contracts import Query


def batches_prune(*, days: int) -> int:
    """Delete batches that were committed more than `days` ago; gives how many. Raises ValueError below one day.

    Of each query the newest stays, and the newest that brought rows, since how fresh a layer is comes from them. So do
    batches of Gold that no load has carried: their latency is not known yet.
    """
    before, deleted = long_ago(days), 0
    waiting = Q(query=Query.AGGREGATE, carried_by=None, rows_in__gt=0)
    # One pipeline and query at a time, which is how the index has them.
    for pipeline in Pipeline.objects.all():
        for query in Query:
            batches = MicroBatch.objects.filter(pipeline=pipeline, query=query).order_by("-committed_at")
            newest = [found.pk for found in (batches.first(), batches.filter(rows_in__gt=0).first()) if found]
            old = batches.filter(committed_at__lt=before).exclude(waiting).exclude(pk__in=newest)
            deleted += delete_in_chunks(old.order_by("committed_at"))
    return deleted
