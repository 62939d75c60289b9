"""What evaluations found, as workers tell it. Told again, it is replaced: nothing is there twice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from controlplane.alerts.services import incident_clear, incident_tell
from controlplane.alerts.states import IncidentKind
from controlplane.core.errors import NotFound
from controlplane.core.pruning import delete_in_chunks, long_ago
from controlplane.core.text import storable
from controlplane.pipelines.models import Pipeline
from controlplane.quality import drift
from controlplane.quality.models import DayProfile, ExpectationResult, Suite, SuiteEvaluation, SuiteVersion
from controlplane.quality.selectors import profiles_around, version_newest
from controlplane.quality.states import BROKEN
from controlplane.quality.words import findings_words
from spark_jobs.suites import Evaluation, Profile, Result, Severity, Verdict, worst

LONGEST = 2_000  # characters of a message


@transaction.atomic
def evaluations_record(
    *, pipeline: Pipeline, run: int, evaluations: Sequence[Evaluation]
) -> dict[str, SuiteEvaluation]:
    """Keep what a run found of each suite, by the suite's name, and open or clear its incident. Raises NotFound."""
    return {item.suite: _record(pipeline, run, item) for item in evaluations}


@transaction.atomic
def profiles_record(*, pipeline: Pipeline, days: Sequence[date], profiles: Sequence[Profile]) -> None:
    """Keep what each of the days looked like. A type that was there in the days before, and is not told of, had no
    readings that day; one that was told of for the day and is not any more, neither.
    """
    now = timezone.now()
    told = {(date.fromisoformat(item.day), item.sensor_type): item for item in profiles}
    for day in days:
        reach = DayProfile.objects.filter(pipeline=pipeline, day__gte=day - timedelta(days=drift.REACH_DAYS))
        known = set(reach.filter(day__lte=day, readings__gt=0).values_list("sensor_type", flat=True))
        for kind in known - {sensor_type for told_day, sensor_type in told if told_day == day}:
            told[day, kind] = Profile(day.isoformat(), kind, readings=0, null_share=0.0, mean=0.0, spread=0.0)
    for (day, kind), item in told.items():
        figures = {name: _finite(getattr(item, name)) for name in ("null_share", "mean", "spread")}
        DayProfile.objects.update_or_create(
            pipeline=pipeline,
            day=day,
            sensor_type=str(storable(kind))[:100],
            defaults={"readings": item.readings, **figures, "told_at": now},
        )


@transaction.atomic
def drift_record(*, pipeline: Pipeline, run: int, first: date, last: date) -> SuiteEvaluation | None:
    """Judge the days, both included, by their profiles, as the suite `drift` says; None where it is disabled."""
    suite = Suite.objects.select_related("pipeline").filter(pipeline=pipeline, name=drift.SUITE, enabled=True).first()
    if suite is None:
        return None
    began = timezone.now()
    version = version_newest(suite)
    profiles = profiles_around(pipeline, first, last)
    days = {first + timedelta(days=number): True for number in range((last - first).days + 1)}
    days |= {day: False for day in days if day >= began.date()}
    results = drift.drift(version.expectations, days, profiles)
    rows = sum(profile.readings for of_type in profiles.values() for day, profile in of_type.items() if day in days)
    return _record(
        pipeline,
        run,
        Evaluation(
            suite=suite.name,
            version=version.number,
            start=datetime.combine(first, time(), UTC).isoformat(),
            end=datetime.combine(last + timedelta(days=1), time(), UTC).isoformat(),
            verdict=str(worst([result.verdict for result in results])),
            rows=rows,
            seconds=(timezone.now() - began).total_seconds(),
            results=tuple(results),
        ),
    )


def evaluations_prune(*, days: int) -> int:
    """Forget evaluations of more than `days` ago, with their results; how many. Raises ValueError below one day."""
    return delete_in_chunks(SuiteEvaluation.objects.filter(evaluated_at__lt=long_ago(days)).order_by("pk"))


def _record(pipeline: Pipeline, run: int, told: Evaluation) -> SuiteEvaluation:
    version = (
        SuiteVersion.objects.select_related("suite__pipeline")
        .filter(suite__pipeline=pipeline, suite__name=told.suite, number=told.version)
        .first()
    )
    if version is None:
        raise NotFound(f"{pipeline} has no version {told.version} of a suite {told.suite}")
    figures = {"verdict": told.verdict, "rows": told.rows, "seconds": told.seconds, "evaluated_at": timezone.now()}
    times = {"start": datetime.fromisoformat(told.start), "end": datetime.fromisoformat(told.end)}
    made, _ = SuiteEvaluation.objects.update_or_create(
        run=run, version=version, defaults={"suite": version.suite, **times, **figures}
    )
    made.results.all().delete()
    ExpectationResult.objects.bulk_create(
        ExpectationResult(evaluation=made, position=position, **_kept(result))
        for position, result in enumerate(told.results)
    )
    _tell(version, made, told)
    return made


def _finite(value: float) -> float:
    """The spread of one reading is none."""
    return float(value) if math.isfinite(float(value)) else 0.0


def _kept(result: Result) -> Mapping[str, object]:
    named = {name: getattr(result, name) for name in ("type", "verdict", "unexpected")}
    texts = {name: storable(getattr(result, name)) for name in ("arguments", "observed", "samples")}
    return {**named, **texts, "message": str(storable(result.message))[:LONGEST]}


def _tell(version: SuiteVersion, made: SuiteEvaluation, told: Evaluation) -> None:
    """A suite that only warns opens nothing: what it found is in its results. An empty one says nothing new."""
    suite = version.suite
    if version.severity == Severity.HOLD and told.verdict in BROKEN:
        incident_tell(
            kind=IncidentKind.QUALITY_FAILED,
            object=suite.path,
            cause=f"{findings_words(told.suite, told.version, told.results)} (run {made.run}, {made.rows:,} rows)",
            subject=f"{suite.pipeline.name}: {suite} has {told.verdict}",
        )
    elif told.verdict == Verdict.PASSED:
        incident_clear(
            kind=IncidentKind.QUALITY_FAILED, object=suite.path, resolution=f"{suite} passed in run {made.run}"
        )
