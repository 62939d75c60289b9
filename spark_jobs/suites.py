"""Quality suites: what is expected of a table, and what an evaluation found. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from spark_jobs.contracts import Table


class Layer(StrEnum):
    """What a suite is about. Bronze is its accepted readings, Gold its five-minute windows."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"

    @property
    def table(self) -> Table:
        return {Layer.BRONZE: Table.BRONZE, Layer.SILVER: Table.SILVER, Layer.GOLD: Table.SENSOR_5MIN}[self]


class Severity(StrEnum):
    WARN = "warn"
    HOLD = "hold"  # a run whose rows fail it does not load them


class Verdict(StrEnum):
    """Worse ones are later."""

    PASSED = "passed"
    EMPTY = "empty"  # there was no row to look at, which is not a pass
    FAILED = "failed"
    ERROR = "error"  # it could not be evaluated, which says nothing of the rows


def worst(verdicts: list[str]) -> Verdict:
    """Of none: EMPTY."""
    order = list(Verdict)
    return max((Verdict(item) for item in verdicts), key=order.index, default=Verdict.EMPTY)


@dataclass(frozen=True)
class Expectation:
    """One of Great Expectations, by its own name and arguments: `expect_column_to_exist`, {"column": ...}."""

    type: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """A version of a suite, as an application is told of it."""

    name: str
    version: int
    layer: str
    severity: str
    expectations: tuple[Expectation, ...]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Suite:
        """From its JSON. Raises TypeError."""
        return cls(**{**raw, "expectations": tuple(Expectation(**item) for item in raw["expectations"])})


@dataclass(frozen=True)
class Result:
    """What became of one expectation. `unexpected` counts the rows that break it, null where rows are not what it
    looks at; `samples` shows the first few of them. `observed` is a number or text, `message` says what went wrong.
    """

    type: str
    arguments: dict[str, Any]
    verdict: str
    observed: Any = None
    unexpected: int | None = None
    samples: list[dict[str, Any]] = field(default_factory=list)
    message: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What became of a suite over the rows from `start` to before `end` (ISO-8601, UTC)."""

    suite: str
    version: int
    start: str
    end: str
    verdict: str
    rows: int
    seconds: float
    results: tuple[Result, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Evaluation:
        """From its dict. Raises TypeError."""
        return cls(**{**raw, "results": tuple(Result(**item) for item in raw["results"])})


@dataclass(frozen=True)
class Profile:
    """One day (ISO date) of one sensor type in Silver. `null_share` (0 to 1) is of readings that have no z-score;
    `mean` and `spread` (standard deviation) are in the type's unit.
    """

    day: str
    sensor_type: str
    readings: int
    null_share: float
    mean: float
    spread: float
