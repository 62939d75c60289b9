"""Reading the accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import F, Max, Q, QuerySet, Sum
from django.utils import timezone

from controlplane.core.errors import NotFound
from controlplane.ledger.letters import letters_accounted
from controlplane.ledger.models import LedgerEntry, LedgerTotal
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from controlplane.warehouse.selectors import loaded_up_to, version_loaded
from spark_jobs.contracts import BatchQuery, Measure, Query

DAY_SECONDS = 86_400
EPOCH = date(1970, 1, 1).toordinal()


def accounts(pipeline: str) -> dict[str, Any]:
    """The five equations and their numbers, as docs/wiring.md lists them. Raises NotFound.

    What a layer has taken in is counted apart from what it put out: `pending` is what the layer before has beyond
    that, so that an equation can fail, and not only wait.
    """
    found = Pipeline.objects.filter(name=pipeline).first()
    if found is None:
        raise NotFound(f"there is no pipeline {pipeline}")
    sums = dict.fromkeys([str(item) for item in Measure], 0)
    for measure, count in LedgerTotal.objects.filter(pipeline=found).values_list("measure", "count"):
        sums[measure] += count
    aside = sums["duplicate"] + sums["deferred"]
    unloaded = _gold_beyond_loads(found)
    letters = letters_accounted(found)
    pending = {
        "bronze": sums["accepted"] - sums["refined"],
        "silver": sums["silver"] - sums["aggregated"],
        "gold": unloaded,
    }
    equations = [
        _equation("Kafka = Bronze", sums["kafka"], sums["accepted"] + sums["dead_letter"], 0),
        _equation("Bronze = Silver + set aside", sums["accepted"], sums["kept"] + aside, pending["bronze"]),
        _equation("Silver = Gold", sums["silver"], sums["gold"], pending["silver"]),
        _equation("Gold = warehouse", sums["gold"], sums["warehouse"], pending["gold"]),
        _equation("Dead letters accounted", letters.told, letters.known, letters.pending),
    ]
    return {
        "kafka": sums["kafka"],
        "accepted": sums["accepted"],
        "dead_letters": sums["dead_letter"],
        "expired": sums["expired"],
        "refined": sums["refined"],
        "silver": sums["kept"],
        "duplicates": sums["duplicate"],
        "deferred": sums["deferred"],
        "aggregated": sums["aggregated"],
        "gold_readings": sums["gold"],
        "warehouse_readings": sums["warehouse"],
        "anomalies": sums["anomaly"],
        "pending": pending,
        "equations": equations,
        "balanced": all(item["holds"] for item in equations) and sums["kept"] == sums["silver"],
    }


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


def _equation(name: str, left: int, right: int, pending: int) -> dict[str, Any]:
    holds = pending >= 0 and left == right + pending
    return {"name": name, "left": left, "right": right, "pending": pending, "holds": holds}


def _gold_beyond_loads(pipeline: Pipeline) -> int:
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
    return _sum(entries) + _sum(made_anew)


def absorbed_waiting(pipeline: Pipeline) -> int:
    """Readings that batch runs have put into Silver and not yet into Gold: the stream is not behind with them."""
    through = MicroBatch.objects.filter(pipeline=pipeline, query=BatchQuery.GOLD)
    absorbed = LedgerEntry.objects.filter(pipeline=pipeline, query=BatchQuery.SILVER, measure=Measure.SILVER)
    return _sum(absorbed.exclude(batch__in=through.values("batch")))


def _sum(entries: QuerySet[LedgerEntry]) -> int:
    return int(entries.aggregate(total=Sum("count"))["total"] or 0)
