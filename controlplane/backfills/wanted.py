"""What a backfill is told, within bounds. A value out of them is refused before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from controlplane.backfills.states import Only, Order
from controlplane.core.errors import Invalid
from controlplane.runs.parameters import days_checked
from controlplane.runs.states import RunKind

MOST_CONCURRENCY = 8
MOST_LAG = 10**12
DEFAULT_LAG = 10_000  # readings; from there on the console says that ingest lags


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Days (UTC, both ends included), and how they are gone through.

    `throttle_lag` is the live lag, in readings, over which no new slot starts; below half of it they start again.
    """

    first_day: date
    last_day: date
    order: str = Order.OLDEST
    concurrency: int = 1
    only: str = Only.ALL
    throttle_lag: int = DEFAULT_LAG


def wanted_checked(
    *,
    today: date,
    first_day: date,
    last_day: date | None = None,
    order: str = Order.OLDEST,
    concurrency: int = 1,
    only: str = Only.ALL,
    throttle_lag: int = DEFAULT_LAG,
) -> Wanted:
    """What is wanted, completed: the last day is the first unless told. Raises Invalid, with a sentence for each."""
    first, last = days_checked(RunKind.BACKFILL, first_day, last_day, today)
    assert first is not None
    assert last is not None
    errors = {
        "order": _choice(order, Order),
        "only": _choice(only, Only),
        "concurrency": _whole(concurrency, 1, MOST_CONCURRENCY),
        "throttle_lag": _whole(throttle_lag, 0, MOST_LAG),
    }
    if told := {name: [complaint] for name, complaint in errors.items() if complaint}:
        raise Invalid("; ".join(f"{name}: {complaint[0]}" for name, complaint in told.items()), told)
    return Wanted(
        first_day=first, last_day=last, order=order, concurrency=concurrency, only=only, throttle_lag=throttle_lag
    )


def _choice(value: str, among: type[Order] | type[Only]) -> str | None:
    return None if value in among.values else f"one of {', '.join(among.values)}"


def _whole(value: int, least: int, greatest: int) -> str | None:
    known = isinstance(value, int) and not isinstance(value, bool) and least <= value <= greatest
    return None if known else f"a whole number from {least:,} to {greatest:,}"
