"""The interface of every loader, and the star schema as data."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from spark_jobs.contracts import Table

FIGURES = (
    "reading_count",
    "anomaly_count",
    "value_avg",
    "value_min",
    "value_max",
    "value_stddev",
    "p50",
    "p95",
    "p99",
    "expected_readings",
    "health_pct",
    "gold_seq",
)


@dataclass(frozen=True)
class Fact:
    """A fact table: the Gold table that it is loaded from, its key, and the columns beside the figures."""

    name: str
    gold: Table
    key: tuple[str, ...]
    attributes: tuple[str, ...]
    staged_only: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, *self.attributes, *FIGURES)

    @property
    def staged(self) -> tuple[str, ...]:
        return (*self.columns, *self.staged_only)


FACTS = (
    Fact(
        name="fact_sensor_readings",
        gold=Table.SENSOR_5MIN,
        key=("sensor_id", "window_start"),
        attributes=("window_end", "event_date"),
        staged_only=("sensor_type", "location", "unit"),
    ),
    Fact(
        name="fact_location_hourly",
        gold=Table.LOCATION_HOURLY,
        key=("location", "sensor_type", "hour_start"),
        attributes=("event_date", "sensor_count"),
    ),
    Fact(
        name="fact_daily_summary",
        gold=Table.DAILY_SUMMARY,
        key=("location", "sensor_type", "event_date"),
        attributes=("sensor_count",),
    ),
)


@dataclass(frozen=True)
class Loaded:
    """What a load did. `seq` is the greatest gold_seq of sensor_5min that the warehouse has, -1 for none.

    `rise_by_hour` is the rise of reading_count by event hour (epoch seconds). `repeated`: an earlier try of this load
    had committed, and these are its figures. `held_by_hour` is what the warehouse lacks of Gold's reading_count in the
    windows that were left out.
    """

    load_id: int
    gold_versions: dict[str, int]
    windows: int
    rise_by_hour: dict[int, int]
    committed_at: float
    seq: int
    repeated: bool
    held_by_hour: dict[int, int] = field(default_factory=dict)


# Asked once Gold's version is pinned: what a run commits later is not in it, and who committed before has begun.
Held = Callable[[], Collection[date]]


def nothing_held() -> Collection[date]:
    return ()


class Loader(Protocol):
    def ensure_schema(self) -> None:
        """Create what is not there."""

    def load(self, load_id: int, lake: str, held: Held = nothing_held) -> Loaded:
        """Load the Gold rows that changed since the last load: exactly once for a `load_id`, however often called.

        What batch runs have made of the days that `held` gives waits for a load that does not hold them.
        """
