"""Writing entries and their sums, in total and by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from django.db import transaction

from controlplane.ledger.models import LedgerEntry, LedgerHour, LedgerTotal
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import Entry, Measure

CHUNK = 2000


@transaction.atomic(savepoint=False)
def entries_record(
    *, pipeline: Pipeline, query: str, generation: int, batch: int, entries: Iterable[Entry]
) -> Counter[tuple[str, str]]:
    """Upsert the entries of a batch, and move the sums by what that changed; gives the rise by (measure, detail)."""
    rises: Counter[tuple[str, str]] = Counter()
    told = {(item.measure, item.hour, item.detail): item.count for item in entries}
    if not told:
        return rises
    # Two writers of one batch wait here for each other, so that the difference is taken once.
    Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline.pk)
    known = LedgerEntry.objects.filter(pipeline=pipeline, query=query, generation=generation, batch=batch)
    before = {(item.measure, item.hour, item.detail): item.count for item in known}
    changed = {key: count for key, count in told.items() if before.get(key) != count}
    rows = [
        LedgerEntry(
            pipeline=pipeline,
            query=query,
            generation=generation,
            batch=batch,
            hour=hour,
            measure=measure,
            detail=detail,
            count=count,
        )
        for (measure, hour, detail), count in changed.items()
    ]
    LedgerEntry.objects.bulk_create(
        rows,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["pipeline", "query", "generation", "batch", "measure", "hour", "detail"],
        update_fields=["count"],
    )
    by_hour: Counter[tuple[int, str]] = Counter()
    for (measure, hour, detail), count in changed.items():
        rise = count - before.get((measure, hour, detail), 0)
        rises[measure, detail] += rise
        by_hour[hour, measure] += rise
    _totals_raise(pipeline, rises)
    _hours_raise(pipeline, by_hour)
    return rises


def load_record(*, pipeline: Pipeline, load_id: int, rises: Mapping[int, int]) -> int:
    """Record what a load raised the warehouse by, by event hour (epoch seconds); gives what of it is new."""
    entries = [Entry(hour, Measure.WAREHOUSE, count) for hour, count in rises.items() if count]
    return entries_record(pipeline=pipeline, query="load", generation=0, batch=load_id, entries=entries).total()


def _totals_raise(pipeline: Pipeline, rises: Counter[tuple[str, str]]) -> None:
    """All writers hold the pipeline's row, so the totals are as they were read until this transaction ends."""
    known = LedgerTotal.objects.filter(pipeline=pipeline).values_list("measure", "detail", "count")
    before = {(measure, detail): count for measure, detail, count in known}
    LedgerTotal.objects.bulk_create(
        [
            LedgerTotal(pipeline=pipeline, measure=key[0], detail=key[1], count=before.get(key, 0) + rise)
            for key, rise in rises.items()
        ],
        update_conflicts=True,
        unique_fields=["pipeline", "measure", "detail"],
        update_fields=["count"],
    )


def _hours_raise(pipeline: Pipeline, rises: Counter[tuple[int, str]]) -> None:
    """As the totals."""
    known = LedgerHour.objects.filter(pipeline=pipeline, hour__in={hour for hour, _ in rises})
    before = {(hour, measure): count for hour, measure, count in known.values_list("hour", "measure", "count")}
    LedgerHour.objects.bulk_create(
        [
            LedgerHour(pipeline=pipeline, hour=key[0], measure=key[1], count=before.get(key, 0) + rise)
            for key, rise in rises.items()
        ],
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["pipeline", "hour", "measure"],
        update_fields=["count"],
    )
