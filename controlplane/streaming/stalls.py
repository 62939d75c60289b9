"""Whether a driver that runs also gets on. Nothing here reads a clock or a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.pipelines.configuration import SETTINGS

SHORTEST_PATIENCE = timedelta(minutes=2)
TRIGGERS = 3  # triggers of ingest that may pass without a batch
SLOWEST_RATE = 5_000  # readings/s; a batch that takes longer than its size at this rate stands still


@dataclass(frozen=True)
class Seen:
    """What waits for a query, and when it committed last; None is not known, or never."""

    waiting: int | None
    committed_at: datetime | None


@dataclass(frozen=True)
class Mark:
    """When a query was last seen to get on, in seconds since the epoch, and what waited for it then."""

    at: float
    waiting: int


def patience(configuration: Mapping[str, Any]) -> timedelta:
    """How long a query of a pipeline that is configured so may commit nothing."""
    trigger, records = (
        configuration.get(name, SETTINGS[name].default) for name in ("trigger_seconds", "max_offsets_per_trigger")
    )
    return max(SHORTEST_PATIENCE, timedelta(seconds=TRIGGERS * trigger), timedelta(seconds=records / SLOWEST_RATE))


def marked(before: Mark | None, seen: Seen, now: datetime) -> Mark | None:
    """The mark of a query by what is seen of it now; none while nobody knows what waits for it.

    A query gets on by committing a batch, and where nothing waits there is nothing to commit.
    """
    if seen.waiting is None:
        return None
    committed = before and seen.committed_at and seen.committed_at.timestamp() > before.at
    return Mark(now.timestamp(), seen.waiting) if before is None or committed or seen.waiting <= 0 else before


def stall(mark: Mark | None, seen: Seen, now: datetime, patience: timedelta) -> str | None:
    """A sentence on a query that has committed nothing for too long while its lag grew."""
    if mark is None or seen.waiting is None:
        return None
    silent, grown = now.timestamp() - mark.at, seen.waiting - mark.waiting
    if silent <= patience.total_seconds() or grown <= 0:
        return None
    return f"no batch for {silent:.0f} s, while {seen.waiting:,} readings wait, {grown:,} more than then"


def has_recovered(seen: Mapping[str, Seen], since: datetime) -> bool:
    """Whether every query has committed since then, or has nothing to commit."""
    return all(
        item.waiting is not None
        and (item.waiting <= 0 or (item.committed_at is not None and item.committed_at > since))
        for item in seen.values()
    )
