"""Dead letters as their index has them, for the accounts. The index is an app above this one, reached by relations."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from controlplane.ledger.models import LedgerEntry, LedgerTotal
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import EXPIRE, Measure, Query, sequence

BATCHES = sequence(1, 0)  # the sequence is generation * BATCHES + batch


class Letters(NamedTuple):
    """`told` is what ingest told of, `known` all that is known of whatever became of it, `pending` what the index has
    yet to see.
    """

    told: int
    known: int
    pending: int


def letters_accounted(pipeline: Pipeline) -> Letters:
    """Open and expired ones are counted in the index, the others are what redrives and discards told the ledger.

    What retention took before the index saw it is known by the ledger alone. One statement, so that all is of one
    moment: the index moves meanwhile.
    """
    marks = Pipeline.objects.filter(pk=pipeline.pk).values_list("dead_letter_mark__ingest_seq", flat=True)
    reached = marks.first()
    generation, batch = divmod(-1 if reached is None else reached, BATCHES)
    # The mark only rises: what lies beyond the one of a moment ago has all that lies beyond the present one.
    beyond = Q(generation__gt=generation) | Q(generation=generation, batch__gt=batch)
    entries = LedgerEntry.objects.filter(pipeline=OuterRef("pk"))
    ingested = entries.filter(beyond, query=Query.INGEST, measure=Measure.DEAD_LETTER)
    ingested = ingested.annotate(seq=F("generation") * BATCHES + F("batch"))
    index = pipeline.dead_letters.model.objects.filter(pipeline=OuterRef("pk"))
    seen = Pipeline.objects.annotate(
        reached=Coalesce("dead_letter_mark__ingest_seq", Value(-1)),
        expiry=Coalesce("dead_letter_mark__expiry", Value(0)),
    ).annotate(
        told=_total(Measure.DEAD_LETTER),
        redriven=_total(Measure.REDRIVEN),
        discarded=_total(Measure.DISCARDED),
        unsettled=_count(index.filter(status__in=["open", "redriving", "expired"])),
        gone=_count(index.filter(gone=True)),
        expired=_sum(entries.filter(query=EXPIRE, measure=Measure.EXPIRED, batch__lte=OuterRef("expiry"))),
        pending=_sum(ingested.filter(seq__gt=OuterRef("reached"))),
    )
    found = seen.get(pk=pipeline.pk)
    unseen = max(found.expired - found.gone, 0)
    return Letters(found.told, found.unsettled + found.redriven + found.discarded + unseen, found.pending)


def _total(measure: Measure) -> Coalesce:
    return _sum(LedgerTotal.objects.filter(pipeline=OuterRef("pk"), measure=measure))


def _sum(rows: QuerySet) -> Coalesce:
    summed = rows.order_by().values("pipeline").annotate(total=Sum("count")).values("total")
    return Coalesce(Subquery(summed), Value(0), output_field=IntegerField())


def _count(rows: QuerySet) -> Coalesce:
    counted = rows.order_by().values("pipeline").annotate(total=Count("pk")).values("total")
    return Coalesce(Subquery(counted), Value(0), output_field=IntegerField())
