"""Dead letters as their index has them, for the accounts. The index is an app above this one, reached by relations."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    CharField,
    Count,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from controlplane.ledger.models import LedgerEntry, LedgerHour, LedgerTotal
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import EXPIRE, Measure, Query, sequence

BATCHES = sequence(1, 0)  # the sequence is generation * BATCHES + batch
HOUR = 3600
UNSETTLED = ["open", "redriving", "expired"]
SETTLED = (Measure.DEAD_LETTER, Measure.REDRIVEN, Measure.DISCARDED)


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
    entries = LedgerEntry.objects.filter(pipeline=OuterRef("pk"))
    ingested = _ingested(pipeline, entries)
    index = pipeline.dead_letters.model.objects.filter(pipeline=OuterRef("pk"))
    seen = Pipeline.objects.annotate(
        reached=Coalesce("dead_letter_mark__ingest_seq", Value(-1)),
        expiry=Coalesce("dead_letter_mark__expiry", Value(0)),
    ).annotate(
        told=_total(Measure.DEAD_LETTER),
        redriven=_total(Measure.REDRIVEN),
        discarded=_total(Measure.DISCARDED),
        unsettled=_count(index.filter(status__in=UNSETTLED)),
        gone=_count(index.filter(gone=True)),
        expired=_sum(entries.filter(query=EXPIRE, measure=Measure.EXPIRED, batch__lte=OuterRef("expiry"))),
        pending=_sum(ingested.filter(seq__gt=OuterRef("reached"))),
    )
    found = seen.get(pk=pipeline.pk)
    unseen = max(found.expired - found.gone, 0)
    return Letters(found.told, found.unsettled + found.redriven + found.discarded + unseen, found.pending)


def letters_by_hour(pipeline: Pipeline, hours: Collection[int]) -> dict[int, Letters]:
    """The same by hour of arrival, of hours (seconds since the epoch) that have any. One statement, too."""
    if not hours:
        return {}
    marks = Pipeline.objects.filter(pk=pipeline.pk)
    reached = Coalesce(Subquery(marks.values("dead_letter_mark__ingest_seq")), Value(-1))
    expiry = Coalesce(Subquery(marks.values("dead_letter_mark__expiry")), Value(0))
    sums = LedgerHour.objects.filter(pipeline=pipeline, hour__in=hours)
    entries = LedgerEntry.objects.filter(pipeline=pipeline, hour__in=hours)
    first, last = (datetime.fromtimestamp(at, UTC) for at in (min(hours), max(hours) + HOUR))
    index = pipeline.dead_letters.filter(kafka_timestamp__gte=first, kafka_timestamp__lt=last)
    index = index.annotate(hour=_HourOf("kafka_timestamp"))
    parts = [
        *(_by_hour(sums.filter(measure=measure), Sum("count"), measure) for measure in SETTLED),
        _by_hour(entries.filter(query=EXPIRE, measure=Measure.EXPIRED, batch__lte=expiry), Sum("count"), "expired"),
        _by_hour(_ingested(pipeline, entries).filter(seq__gt=reached), Sum("count"), "pending"),
        _by_hour(index.filter(status__in=UNSETTLED), Count("pk"), "unsettled"),
        _by_hour(index.filter(gone=True), Count("pk"), "gone"),
    ]
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for hour, kind, count in parts[0].union(*parts[1:], all=True):
        found[hour][kind] = count
    return {
        hour: Letters(
            told=of[Measure.DEAD_LETTER],
            known=of["unsettled"] + of[Measure.REDRIVEN] + of[Measure.DISCARDED] + max(of["expired"] - of["gone"], 0),
            pending=of["pending"],
        )
        for hour, of in found.items()
        if hour in hours
    }


class _HourOf(Func):
    template = "(floor(extract(epoch from %(expressions)s) / 3600) * 3600)::bigint"
    output_field = BigIntegerField()


def _by_hour(rows: QuerySet, sum_: Any, kind: str) -> QuerySet:
    labelled = rows.order_by().annotate(kind=Value(str(kind), output_field=CharField()))
    return labelled.values_list("hour", "kind").annotate(n=sum_)


def _ingested(pipeline: Pipeline, entries: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
    """Entries of ingest on dead letters beyond the index's mark of a moment ago, with their `seq`.

    The mark only rises: these have all that lies beyond the present one.
    """
    marks = Pipeline.objects.filter(pk=pipeline.pk).values_list("dead_letter_mark__ingest_seq", flat=True)
    reached = marks.first()
    generation, batch = divmod(-1 if reached is None else reached, BATCHES)
    beyond = Q(generation__gt=generation) | Q(generation=generation, batch__gt=batch)
    ingested = entries.filter(beyond, query=Query.INGEST, measure=Measure.DEAD_LETTER)
    return ingested.annotate(seq=F("generation") * BATCHES + F("batch"))


def _total(measure: Measure) -> Coalesce:
    return _sum(LedgerTotal.objects.filter(pipeline=OuterRef("pk"), measure=measure))


def _sum(rows: QuerySet) -> Coalesce:
    summed = rows.order_by().values("pipeline").annotate(total=Sum("count")).values("total")
    return Coalesce(Subquery(summed), Value(0), output_field=IntegerField())


def _count(rows: QuerySet) -> Coalesce:
    counted = rows.order_by().values("pipeline").annotate(total=Count("pk")).values("total")
    return Coalesce(Subquery(counted), Value(0), output_field=IntegerField())
