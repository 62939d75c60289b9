"""The equations hour by hour, and where they do not hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from controlplane.core.errors import Invalid
from controlplane.ledger.models import LedgerHour
from controlplane.ledger.selectors.accounts import equations_of, sums_of
from controlplane.ledger.selectors.entries import gold_beyond_loads
from controlplane.ledger.selectors.equations import Equation, Name, equations
from controlplane.ledger.selectors.letters import Letters, letters_by_hour
from controlplane.pipelines.models import Pipeline
from controlplane.warehouse.selectors import readings_held
from spark_jobs.contracts import Measure

HOUR = 3600
USUAL_HOURS, MOST_HOURS = 24, 31 * 24


@dataclass(frozen=True)
class HourAccounts:
    """One hour; the first two and the last equation count what arrived in it, the others what was measured in it."""

    hour: datetime
    equations: list[Equation]

    @property
    def balanced(self) -> bool:
        return all(item.holds for item in self.equations)


def accounts_by_hour(
    pipeline: Pipeline, since: datetime | None = None, until: datetime | None = None
) -> list[HourAccounts]:
    """Hours from the one of `since` to before `until` of which something was counted, newest first.

    Without `until` up to the newest, without `since` USUAL_HOURS before it. Raises Invalid.
    """
    rows = LedgerHour.objects.filter(pipeline=pipeline)
    if until is None:
        newest = rows.order_by("-hour").values_list("hour", flat=True).first()
        if newest is None:
            return []
        last = newest + HOUR
    else:
        last = int(until.timestamp())
    first = last - USUAL_HOURS * HOUR if since is None else int(since.timestamp()) // HOUR * HOUR
    if first >= last:
        raise Invalid("the range ends before it starts", {"until": ["before the range starts"]})
    if last - first > MOST_HOURS * HOUR:
        raise Invalid("the range is too long", {"since": [f"{MOST_HOURS} hours before its end at most"]})
    found = rows.filter(hour__gte=first, hour__lt=last)
    return _accounts_of(pipeline, set(found.values_list("hour", flat=True)))


def imbalances(pipeline: Pipeline) -> dict[Name, dict[int | None, Equation]]:
    """Equations that do not hold, by hour (seconds since the epoch); under None where each hour holds, not the sum."""
    total = equations_of(pipeline, sums_of(pipeline))
    hours = set(_suspects(pipeline).values_list("hour", flat=True))
    if not total[-1].holds:
        hours |= set(
            LedgerHour.objects.filter(pipeline=pipeline, measure=Measure.DEAD_LETTER).values_list("hour", flat=True)
        )
    found: defaultdict[Name, dict[int | None, Equation]] = defaultdict(dict)
    for item in _accounts_of(pipeline, hours):
        for equation in item.equations:
            if not equation.holds:
                found[equation.name][int(item.hour.timestamp())] = equation
    for equation in total:
        if not equation.holds and equation.name not in found:
            found[equation.name][None] = equation
    return dict(found)


def _accounts_of(pipeline: Pipeline, hours: set[int]) -> list[HourAccounts]:
    sums: defaultdict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(map(str, Measure), 0))
    rows = LedgerHour.objects.filter(pipeline=pipeline, hour__in=hours)
    for hour, measure, count in rows.values_list("hour", "measure", "count"):
        sums[hour][measure] = count
    unloaded = Counter(readings_held(pipeline))
    for entries in gold_beyond_loads(pipeline):
        grouped = entries.filter(hour__in=hours).order_by().values_list("hour").annotate(total=Sum("count"))
        unloaded.update(dict(_pairs(grouped)))
    letters = letters_by_hour(pipeline, hours)
    return [
        HourAccounts(
            datetime.fromtimestamp(hour, UTC),
            equations(sums[hour], unloaded[hour], letters.get(hour, Letters(0, 0, 0))),
        )
        for hour in sorted(sums, reverse=True)
    ]


def _pairs(rows: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    return ((hour, int(total)) for hour, total in rows)


def _suspects(pipeline: Pipeline) -> QuerySet[LedgerHour]:
    """Hours in which an equation may not hold: a statement over the sums finds them, and few are left to look at."""
    columns = {str(item): Coalesce(Sum("count", filter=Q(measure=item)), 0) for item in Measure}
    hours = LedgerHour.objects.filter(pipeline=pipeline).order_by().values("hour").annotate(**columns)
    return hours.exclude(
        kafka=F("accepted") + F("dead_letter"),
        refined=F("kept") + F("duplicate") + F("deferred"),
        accepted__gte=F("refined"),
        aggregated=F("gold"),
        silver__gte=F("aggregated"),
        gold=F("warehouse"),
    )
