"""What became of letters, told to the ledger in the transaction that changes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, F, QuerySet
from django.db.models.functions import TruncHour

from controlplane.deadletters.models import DeadLetter
from controlplane.ledger.models import LedgerEntry
from controlplane.ledger.services import entries_record
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import Entry, Measure


def fate_record(*, pipeline: Pipeline, query: str, batch: int, measure: Measure, letters: QuerySet[DeadLetter]) -> None:
    """Have the ledger hold what letters count now, by hour of arrival and reason; what it held beyond them is 0."""
    known = LedgerEntry.objects.filter(pipeline=pipeline, query=query, generation=0, batch=batch, measure=measure)
    counts: dict[tuple[int, str], int] = dict.fromkeys(known.values_list("hour", "detail"), 0)
    grouped: Any = letters.order_by().values(hour=TruncHour("kafka_timestamp"), why=F("reason"))
    for row in grouped.annotate(count=Count("pk")):
        counts[_seconds(row["hour"]), row["why"]] = row["count"]
    entries = [Entry(hour, measure, count, reason) for (hour, reason), count in counts.items()]
    entries_record(pipeline=pipeline, query=query, generation=0, batch=batch, entries=entries)


def _seconds(hour: datetime) -> int:
    return int(hour.timestamp())
