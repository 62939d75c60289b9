"""What a run may be told, by its kind. A value out of bounds is refused before anything is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from controlplane.core.errors import Invalid
from controlplane.runs.states import RunKind

MOST_DAYS = 366
WITHOUT_DAYS = frozenset({RunKind.MAINTENANCE, RunKind.QUALITY})


@dataclass(frozen=True)
class Choice:
    name: str
    choices: tuple[str, ...]
    default: str
    description: str

    def complaint(self, value: Any) -> str | None:
        return None if isinstance(value, str) and value in self.choices else f"one of {', '.join(self.choices)}"


@dataclass(frozen=True)
class Number:
    """Between two bounds, both included; whole where its default is."""

    name: str
    least: float
    greatest: float
    default: int | float
    description: str

    def complaint(self, value: Any) -> str | None:
        whole = isinstance(self.default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            return f"a {'whole ' if whole else ''}number is needed"
        if not (math.isfinite(value) and self.least <= value <= self.greatest):
            return f"between {self.least:g} and {self.greatest:g}"
        return None


PARAMETERS: dict[str, tuple[Choice | Number, ...]] = {
    RunKind.DAILY: (
        Choice("stream", ("ensure", "leave"), "ensure", "Whether a streaming job that does not run is started."),
        Choice("stale", ("wait", "warn", "refuse"), "wait", "What to do when the source is not fresh."),
        Number("freshness_minutes", 1, 10_080, 30, "How old the newest batch of ingest may be."),
        Number("wait_minutes", 1, 1440, 60, "How long to wait for a fresh source, or for the stream to run."),
    ),
    RunKind.BACKFILL: (),
    RunKind.MAINTENANCE: (
        Number("bronze_days", 1, 3650, 90, "Days for which accepted readings are kept in Bronze."),
        Number("dead_letter_days", 1, 3650, 90, "Days for which dead letters are kept."),
        Number("vacuum_hours", 168, 8760, 168, "Hours for which files that no version refers to are kept."),
        Number("metrics_days", 1, 3650, 400, "Days for which batches, loads and evaluations of suites are kept."),
        Number("log_days", 1, 3650, 30, "Days for which logs of applications are kept."),
    ),
    RunKind.QUALITY: (Number("hours", 1, 168, 1, "Newest complete hours whose rows are looked at."),),
}


def parameters_checked(kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a run is told, completed by the defaults. Raises Invalid with a sentence for each that is not right."""
    known = {item.name: item for item in PARAMETERS[kind]}
    errors: dict[str, list[str]] = {}
    for name, value in told.items():
        complaint = known[name].complaint(value) if name in known else f"unknown to a {kind} run"
        if complaint:
            errors[f"parameters.{name[:100]}"] = [complaint]
    if errors:
        raise Invalid("some parameters are not right", errors)
    return {name: told.get(name, item.default) for name, item in known.items()}


def days_checked(kind: str, first: date | None, last: date | None, today: date) -> tuple[date | None, date | None]:
    """The days of a run; a daily run that names none is over yesterday. Raises Invalid."""
    if kind in WITHOUT_DAYS:
        if first or last:
            raise Invalid(f"a {kind} run has no days", {"first_day": [f"a {kind} run has no days"]})
        return None, None
    if first is None and last is None and kind == RunKind.DAILY:
        first = today - timedelta(days=1)
    if first is None:
        raise Invalid("a first day is needed", {"first_day": ["a day is needed"]})
    last = last or first
    if last < first:
        raise Invalid("the range ends before it starts", {"last_day": [f"before {first}, the first day"]})
    if last > today:
        raise Invalid("the range lies in the future", {"last_day": [f"after {today}, today in UTC"]})
    if (days := (last - first).days + 1) > MOST_DAYS:
        raise Invalid("the range is too long", {"last_day": [f"{days} days; {MOST_DAYS} at most"]})
    return first, last
