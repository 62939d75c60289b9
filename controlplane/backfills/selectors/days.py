"""What is known of days before they are done anew: their readings, and what came of them when they last ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from controlplane.backfills.states import Before, Only
from controlplane.ledger.selectors import readings_by_day
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.runs.states import RunKind, RunState
from spark_jobs.contracts import Measure

ONE_DAY = timedelta(days=1)
INCLUDED = {Only.ALL: frozenset(Before), Only.MISSING: {Before.NEVER}, Only.FAILED: {Before.FAILED}}


@dataclass(frozen=True)
class Day:
    """`silver` counts readings by the day of their event, `deferred` late ones by the day of their arrival, which is
    all that is reported of them; None is nothing known. `run` is the run that `before` tells of.
    """

    day: date
    silver: int | None
    deferred: int | None
    before: str
    run: int | None

    @property
    def readings(self) -> int | None:
        known = [count for count in (self.silver, self.deferred) if count is not None]
        return sum(known) if known else None


def days_known(pipeline: Pipeline, first: date, last: date) -> list[Day]:
    """Every day of a range, the oldest first."""
    counts = readings_by_day(pipeline, first, last)
    outcomes = last_outcomes(pipeline, first, last)
    return [
        Day(
            day,
            counts.get((day, str(Measure.SILVER))),
            counts.get((day, str(Measure.DEFERRED))),
            *outcomes.get(day, (str(Before.NEVER), None)),
        )
        for day in each_day(first, last)
    ]


def last_outcomes(pipeline: Pipeline, first: date, last: date) -> dict[date, tuple[str, int]]:
    """What came of each day's newest run that succeeded or failed, and its number; days without one are not there."""
    runs = Run.objects.filter(
        pipeline=pipeline,
        kind__in=[RunKind.DAILY, RunKind.BACKFILL],
        state__in=[RunState.SUCCEEDED, RunState.FAILED],
        first_day__lte=last,
        last_day__gte=first,
    )
    found: dict[date, tuple[str, int]] = {}
    for pk, state, begins, ends in runs.order_by("ended_at").values_list("pk", "state", "first_day", "last_day"):
        found |= dict.fromkeys(each_day(begins, ends), (str(Before(state)), pk))
    return found


def is_included(before: str, only: str) -> bool:
    """Whether a day of which that came before gets a slot."""
    return before in INCLUDED[Only(only)]


def each_day(first: date, last: date) -> list[date]:
    return [first + ONE_DAY * number for number in range((last - first).days + 1)]
