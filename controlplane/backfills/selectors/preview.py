"""What a backfill would come to, before anything starts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from controlplane.backfills.selectors.backfills import active_over
from controlplane.backfills.selectors.days import days_known, each_day, is_included, last_outcomes
from controlplane.backfills.selectors.estimate import estimate
from controlplane.backfills.states import Before, Only
from controlplane.backfills.wanted import Wanted
from controlplane.core.snapshot import one_snapshot
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import IS_ACTIVE, Run


@one_snapshot()
def backfill_preview(pipeline: Pipeline, wanted: Wanted) -> dict[str, Any]:
    """Its days with what is known of each, which of them get a slot, an estimate, and what it conflicts with."""
    days = days_known(pipeline, wanted.first_day, wanted.last_day)
    chosen = [day for day in days if is_included(day.before, wanted.only)]
    slots = {day.day for day in chosen}
    found = conflicts(pipeline, wanted.first_day, wanted.last_day)
    if not chosen:
        found.append(nothing(wanted))
    return {
        **asdict(wanted),
        "days": [{**asdict(day), "slot": day.day in slots} for day in days],
        "slots": len(chosen),
        "readings": sum(day.readings or 0 for day in chosen),
        "unknown_days": sum(day.readings is None for day in chosen),
        "estimate": asdict(estimate(pipeline, chosen, wanted.concurrency)),
        "conflicts": found,
    }


def conflicts(pipeline: Pipeline, first: date, last: date) -> list[str]:
    """A sentence for each backfill and each run that is not over and works on a day of the range."""
    backfills = [f"{item} is {item.state} and has {item.days}" for item in active_over(pipeline, first, last)]
    active = Run.objects.filter(IS_ACTIVE, pipeline=pipeline, first_day__lte=last, last_day__gte=first).order_by("pk")
    runs = [f"{run} is {run.state} and works on {_days(run)}" for run in active]
    return backfills + runs


def days_wanted(pipeline: Pipeline, wanted: Wanted) -> list[date]:
    """The days that get a slot, the oldest first."""
    outcomes = last_outcomes(pipeline, wanted.first_day, wanted.last_day)
    days = each_day(wanted.first_day, wanted.last_day)
    return [day for day in days if is_included(outcomes[day][0] if day in outcomes else Before.NEVER, wanted.only)]


def nothing(wanted: Wanted) -> str:
    """Why there is nothing to do."""
    words = {Only.MISSING: "every day of the range has run already", Only.FAILED: "no day of the range has failed"}
    return words[Only(wanted.only)]


def _days(run: Run) -> str:
    return f"{run.first_day}" if run.first_day == run.last_day else f"{run.first_day} to {run.last_day}"
