"""Applications that end: what a batch or maintenance application is told, and what it leaves behind.

Standard library only. An application has a workspace, a folder of its own: `arguments.json` is what it is told,
`application.lock` is held for as long as it lives, `outcome.json` is its word on what it did, replaced whole at every
change. What it writes besides stands under `temporary/` there and is nobody's once it has ended.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

from spark_jobs.contracts import SensorTypeSpec
from spark_jobs.suites import Suite

ARGUMENTS, LOCK, OUTCOME, TEMPORARY = "arguments.json", "application.lock", "outcome.json", "temporary"
TERMINATED = 143  # the exit code of one that was asked to end


class StageName(StrEnum):
    """The stages that run within an application."""

    BRONZE_TO_SILVER = "bronze_to_silver"
    SILVER_TO_GOLD = "silver_to_gold"
    EVALUATE = "evaluate"
    COMPACT = "compact"
    EXPIRE = "expire"
    VACUUM = "vacuum"


@dataclass(frozen=True, kw_only=True)
class ApplicationArguments:
    """What every application is told, written to a file of mode 0600 whose path is its one argument."""

    module: ClassVar[str]

    pipeline: str
    run_tag: str  # names this launch; the application is adopted by it
    run: int  # the run that it works for, in telemetry and commits
    attempt: int
    stages: tuple[str, ...]  # StageNames, in the order in which they are done
    workspace: str
    lake: str
    bootstrap_servers: str
    telemetry_topic: str

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def read(cls, path: str) -> Self:
        """Raises OSError, and ValueError naming the argument that is unknown or missing."""
        raw: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        if unknown := set(raw) - {item.name for item in fields(cls)}:
            raise ValueError(f"unknown arguments: {', '.join(sorted(unknown))}")
        told: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in raw.items()}
        if "sensor_types" in told:
            told["sensor_types"] = tuple(SensorTypeSpec(**item) for item in told["sensor_types"])
        if "suites" in told:
            told["suites"] = tuple(Suite.of(item) for item in told["suites"])
        try:
            return cls(**told)
        except TypeError as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class BatchArguments(ApplicationArguments):
    """Silver and Gold of whole days (UTC, by event time, both ends included) made anew from Bronze."""

    module: ClassVar[str] = "spark_jobs.jobs.batch"

    first_day: str  # ISO date
    last_day: str
    version: int  # the pipeline version whose configuration this is
    jars: tuple[str, ...]
    sensor_types: tuple[SensorTypeSpec, ...]
    watermark_minutes: float = 10.0
    zscore_window: int = 100
    zscore_minimum: int = 30
    zscore_threshold: float = 3.0
    zscore_max_age_days: float = 7.0
    master: str = "local[2]"
    driver_memory: str = "2g"
    spark_conf: dict[str, str] = field(default_factory=dict)
    suites: tuple[Suite, ...] = ()

    @property
    def days(self) -> tuple[date, date]:
        return date.fromisoformat(self.first_day), date.fromisoformat(self.last_day)


@dataclass(frozen=True, kw_only=True)
class QualityArguments(ApplicationArguments):
    """Suites over the rows from `start` to before `end` (ISO-8601 with offset)."""

    module: ClassVar[str] = "spark_jobs.jobs.quality"
    start: str
    end: str
    suites: tuple[Suite, ...]
    jars: tuple[str, ...]
    master: str = "local[2]"
    driver_memory: str = "2g"
    spark_conf: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MaintenanceArguments(ApplicationArguments):
    """Files of the lake compacted, expired and removed. Days are kept in full: the day of the run is day 0."""

    module: ClassVar[str] = "spark_jobs.jobs.maintenance"

    today: str  # ISO date
    bronze_days: int  # accepted readings and records refused are kept for as many days
    dead_letter_days: int
    vacuum_hours: int  # a file that no version refers to stays for as long, for readers that began before
    dead_letters_kept_from: str = ""  # ISO date: dead letters from then on stay, for people were not warned yet


class StageState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class StageOutcome:
    """How far one stage is. Times are seconds since the epoch; `detail` holds figures of the stage's own by name."""

    name: str
    state: str = StageState.PENDING
    rows_in: int = 0
    rows_out: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """An application's word on itself. Without `code` it lives or has died without a word."""

    run_tag: str
    stages: tuple[StageOutcome, ...]
    code: int | None = None
    reason: str = ""

    def with_stage(self, name: str, **changes: Any) -> Outcome:
        stages = (replace(stage, **changes) if stage.name == name else stage for stage in self.stages)
        return replace(self, stages=tuple(stages))

    def write(self, workspace: Path) -> None:
        """Replace the file at once, so that no reader sees half of it."""
        new = workspace / f"{OUTCOME}.new"
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(workspace / OUTCOME)

    @classmethod
    def read(cls, workspace: Path) -> Outcome | None:
        """None while there is none."""
        try:
            raw = json.loads((workspace / OUTCOME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        raw["stages"] = tuple(StageOutcome(**stage) for stage in raw["stages"])
        return cls(**raw)
