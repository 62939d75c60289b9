"""Dead letters as their index has them, for the accounts. The index is an app above this one, reached by relations."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Q, Sum

from controlplane.ledger.models import LedgerEntry
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import EXPIRE, Measure, Query

GENERATION_BITS = 40  # as spark_jobs.contracts.sequence() makes one number of generation and batch


class Letters(NamedTuple):
    """`total` has all that is known of, whatever became of it; `pending` are those that the index has yet to see."""

    total: int
    pending: int


def letters_accounted(pipeline: Pipeline, *, redriven: int, discarded: int) -> Letters:
    """Open and expired ones are counted in the index, the others are what redrives and discards told the ledger.

    What retention took before the index saw it is known by the ledger alone.
    """
    mark = getattr(pipeline, "dead_letter_mark", None)
    reached, expiry = (mark.ingest_seq, mark.expiry) if mark else (-1, 0)
    known = pipeline.dead_letters
    open_or_expired = known.exclude(status__in=["redriven", "discarded"]).count()
    expired = LedgerEntry.objects.filter(
        pipeline=pipeline, query=EXPIRE, measure=Measure.EXPIRED, batch__lte=expiry
    ).aggregate(total=Sum("count"))["total"]
    unseen = max(int(expired or 0) - known.filter(gone=True).count(), 0) if expired else 0
    return Letters(open_or_expired + redriven + discarded + unseen, _beyond(pipeline, reached))


def _beyond(pipeline: Pipeline, reached: int) -> int:
    """Dead letters of batches that the index has not come to."""
    entries = LedgerEntry.objects.filter(pipeline=pipeline, query=Query.INGEST, measure=Measure.DEAD_LETTER)
    if reached >= 0:
        generation, batch = reached >> GENERATION_BITS, reached & ((1 << GENERATION_BITS) - 1)
        entries = entries.filter(Q(generation__gt=generation) | Q(generation=generation, batch__gt=batch))
    return int(entries.aggregate(total=Sum("count"))["total"] or 0)
