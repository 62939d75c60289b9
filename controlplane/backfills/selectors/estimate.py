"""How long a backfill might take, and how that was reckoned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import median

from django.conf import settings

from controlplane.backfills.selectors.days import Day
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run, Stage
from controlplane.runs.states import RunKind, RunState, StageName

RECENT_RUNS = 10
IN_SPARK = frozenset({StageName.BRONZE_TO_SILVER, StageName.SILVER_TO_GOLD, StageName.EVALUATE})
# Of the stream, not of the work: a daily run waits in them for as long as it was told to.
NOT_COUNTED = frozenset({StageName.ENSURE_STREAM, StageName.FRESHNESS})


@dataclass(frozen=True)
class Pace:
    """Readings a second in Spark's stages, and what a run takes besides; of so many runs, of none it is assumed."""

    rows_per_second: float
    fixed_seconds: float
    runs: int


ASSUMED = Pace(rows_per_second=10_000, fixed_seconds=60, runs=0)


@dataclass(frozen=True)
class Estimate:
    seconds: float
    rows_per_second: float
    fixed_seconds: float
    at_once: int
    how: str


def estimate(pipeline: Pipeline, days: list[Day], concurrency: int) -> Estimate:
    """For these days, each a run."""
    pace = pace_of(pipeline)
    at_once = max(1, min(concurrency, int(settings.PENSTOCK["applications"]), len(days) or 1))
    readings = sum(day.readings or 0 for day in days)
    seconds = (readings / pace.rows_per_second + pace.fixed_seconds * len(days)) / at_once
    unknown = sum(day.readings is None for day in days)
    how = (
        f"as the last {pace.runs} runs that succeeded: "
        if pace.runs
        else "assumed, for no run over days has succeeded yet: "
    )
    how += f"{pace.rows_per_second:,.0f} readings/s in Spark and {pace.fixed_seconds:,.0f} s besides for each day"
    how += f", {at_once} at a time"
    if unknown:
        how += f"; {unknown} of {len(days)} days count as empty, for nothing is known of them"
    return Estimate(round(seconds, 1), round(pace.rows_per_second, 1), round(pace.fixed_seconds, 1), at_once, how)


def pace_of(pipeline: Pipeline) -> Pace:
    """Of the last runs over days that succeeded; the assumed one where there is none with readings."""
    runs = Run.objects.filter(
        pipeline=pipeline, state=RunState.SUCCEEDED, kind__in=[RunKind.DAILY, RunKind.BACKFILL], ended_at__isnull=False
    )
    rows, in_spark, besides = 0, 0.0, []
    for run in runs.order_by("-ended_at").prefetch_related("stages")[:RECENT_RUNS]:
        stages = {stage.name: stage for stage in run.stages.all()}
        took = [_seconds(stage) for name, stage in stages.items() if name in IN_SPARK]
        read = stages[StageName.BRONZE_TO_SILVER].rows_in if StageName.BRONZE_TO_SILVER in stages else None
        began = _began(run, stages)
        if not read or not sum(took) or began is None:
            continue
        rows, in_spark = rows + read, in_spark + sum(took)
        besides.append(max(0.0, (run.ended_at - began).total_seconds() - sum(took)))
    return Pace(rows / in_spark, median(besides), len(besides)) if besides else ASSUMED


def _seconds(stage: Stage) -> float:
    known = stage.started_at is not None and stage.ended_at is not None
    return float((stage.ended_at - stage.started_at).total_seconds()) if known else 0.0


def _began(run: Run, stages: dict[str, Stage]) -> datetime | None:
    waited = [stage.ended_at for name, stage in stages.items() if name in NOT_COUNTED and stage.ended_at]
    return max(waited) if waited else run.started_at
