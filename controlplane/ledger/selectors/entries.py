"""Sums over entries, and what of them waits for the next layer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.db.models import F, Max, Q, QuerySet, Sum
from django.utils import timezone

from controlplane.ledger.models import LedgerEntry
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from controlplane.warehouse.selectors import loaded_up_to, version_loaded
from spark_jobs.contracts import BatchQuery, Measure, Query

DAY_SECONDS = 86_400
EPOCH = date(1970, 1, 1).toordinal()


def hour_newest(pipeline: Pipeline, measure: Measure) -> datetime | None:
    """The newest hour (UTC) of which a measure counted anything; None where it never did.

    The last week's entries are looked at first: those of years are many.
    """
    entries = LedgerEntry.objects.filter(pipeline=pipeline, measure=measure, count__gt=0)
    recent = entries.filter(recorded_at__gte=timezone.now() - timedelta(days=7))
    newest = recent.aggregate(hour=Max("hour"))["hour"]
    if newest is None:
        newest = entries.aggregate(hour=Max("hour"))["hour"]
    return None if newest is None else datetime.fromtimestamp(newest, UTC)


def readings_by_day(pipeline: Pipeline, first: date, last: date) -> dict[tuple[date, str], int]:
    """Silver rows by the day (UTC) of their event and deferred readings by that of their arrival, as (day, measure).

    A day of which nothing was reported is not there.
    """
    begin, end = (day.toordinal() - EPOCH for day in (first, last))
    entries = LedgerEntry.objects.filter(
        pipeline=pipeline,
        measure__in=[Measure.SILVER, Measure.DEFERRED],
        hour__gte=begin * DAY_SECONDS,
        hour__lt=(end + 1) * DAY_SECONDS,
    )
    sums = entries.values("measure", day=F("hour") / DAY_SECONDS).annotate(total=Sum("count"))
    return {(date.fromordinal(EPOCH + item["day"]), item["measure"]): int(item["total"]) for item in sums}


def gold_beyond_loads(pipeline: Pipeline) -> list[QuerySet[LedgerEntry]]:
    """Readings that Gold took in batches after the one that the newest load reached, and from batch runs since then."""
    reached = loaded_up_to(pipeline)
    entries = LedgerEntry.objects.filter(pipeline=pipeline, query=Query.AGGREGATE, measure=Measure.GOLD)
    if reached is not None:
        generation, batch = reached
        entries = entries.filter(Q(generation__gt=generation) | Q(generation=generation, batch__gt=batch))
    runs = MicroBatch.objects.filter(
        pipeline=pipeline, query=BatchQuery.GOLD, table_version__gt=version_loaded(pipeline)
    )
    made_anew = LedgerEntry.objects.filter(
        pipeline=pipeline, query=BatchQuery.GOLD, measure=Measure.GOLD, batch__in=runs.values("batch")
    )
    return [entries, made_anew]


def absorbed_waiting(pipeline: Pipeline) -> int:
    """Readings that batch runs have put into Silver and not yet into Gold: the stream is not behind with them."""
    through = MicroBatch.objects.filter(pipeline=pipeline, query=BatchQuery.GOLD)
    absorbed = LedgerEntry.objects.filter(pipeline=pipeline, query=BatchQuery.SILVER, measure=Measure.SILVER)
    return total(absorbed.exclude(batch__in=through.values("batch")))


def total(entries: QuerySet[LedgerEntry]) -> int:
    return int(entries.aggregate(total=Sum("count"))["total"] or 0)
