"""Reading suites, and what evaluations of them found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate
from django.utils import timezone

from controlplane.core.errors import NotFound
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from controlplane.quality import drift
from controlplane.quality.models import DayProfile, ExpectationResult, Suite, SuiteEvaluation, SuiteVersion
from controlplane.quality.states import BROKEN
from controlplane.quality.words import findings_words
from spark_jobs import suites as told
from spark_jobs.suites import Expectation, Profile, Severity, Verdict


def suites_of(pipeline: Pipeline) -> QuerySet[Suite]:
    """Suites with `number`, `layer`, `severity` and `expectations` of their newest version, and with `verdict` and
    `evaluated_at` of their newest evaluation.
    """
    version = SuiteVersion.objects.filter(suite=OuterRef("pk")).order_by("-number")
    newest = SuiteEvaluation.objects.filter(suite=OuterRef("pk")).order_by("-evaluated_at", "-pk")
    said = {name: Subquery(version.values(name)[:1]) for name in ("number", "layer", "severity", "expectations")}
    found = {name: Subquery(newest.values(name)[:1]) for name in ("verdict", "evaluated_at")}
    return Suite.objects.filter(pipeline=pipeline).select_related("pipeline").annotate(**said, **found)


def suite_named(pipeline: str, name: str) -> Suite:
    """As `suites_of` has it. Raises NotFound."""
    found = suites_of(pipeline_named(pipeline)).filter(name=name).first()
    if found is None:
        raise NotFound(f"{pipeline} has no suite {name}")
    return found


def version_newest(suite: Suite) -> SuiteVersion:
    newest: SuiteVersion = suite.versions.latest("number")
    return newest


def suites_active(pipeline: Pipeline) -> tuple[told.Suite, ...]:
    """What an application is to evaluate. Drift is none of it: it is judged by what the application has told."""
    enabled = suites_of(pipeline).filter(enabled=True).exclude(name=drift.SUITE).order_by("name")
    return tuple(
        told.Suite(
            name=suite.name,
            version=suite.number,
            layer=suite.layer,
            severity=suite.severity,
            expectations=tuple(Expectation(**item) for item in suite.expectations),
        )
        for suite in enabled
    )


def evaluations_of(
    pipeline: Pipeline, *, suite: str | None = None, verdict: str | None = None, run: int | None = None
) -> QuerySet[SuiteEvaluation]:
    """Evaluations with how many of their expectations came to what. Raises NotFound for a suite that is none."""
    found = SuiteEvaluation.objects.filter(suite__pipeline=pipeline).select_related("suite", "version")
    if suite is not None:
        found = found.filter(suite=suite_named(pipeline.name, suite))
    wanted = {"verdict": verdict, "run": run}
    counts = {f"{verdict}_count": Count("results", filter=Q(results__verdict=verdict)) for verdict in Verdict}
    return found.filter(**{name: value for name, value in wanted.items() if value is not None}).annotate(**counts)


def evaluation_numbered(pipeline: Pipeline, number: int) -> SuiteEvaluation:
    """Raises NotFound."""
    found = evaluations_of(pipeline).filter(pk=number).prefetch_related("results").first()
    if found is None:
        raise NotFound(f"{pipeline} has no evaluation {number}")
    return found


def evaluations_holding(numbers: Iterable[int]) -> list[str]:
    """Of evaluations, those that hold a load back, each in a sentence."""
    wanted = SuiteEvaluation.objects.filter(pk__in=list(numbers), version__severity=Severity.HOLD, verdict__in=BROKEN)
    found = wanted.select_related("suite", "version").prefetch_related("results").order_by("suite__name")
    return [findings_words(item.suite.name, item.version.number, list(item.results.all())) for item in found]


def evaluations_newest(pipeline: Pipeline) -> dict[int, SuiteEvaluation]:
    """The newest evaluation of each suite, by the suite's key, with its results."""
    newest = SuiteEvaluation.objects.filter(suite=OuterRef("suite")).order_by("-evaluated_at", "-pk")
    found = evaluations_of(pipeline).filter(pk=Subquery(newest.values("pk")[:1])).prefetch_related("results")
    return {evaluation.suite_id: evaluation for evaluation in found}


def expectation_history(suite: Suite, type: str, arguments: Mapping[str, Any]) -> QuerySet[ExpectationResult]:
    """What became of one expectation of a suite, in whichever of its versions it stood."""
    results = ExpectationResult.objects.filter(evaluation__suite=suite, type=type, arguments=dict(arguments))
    return results.select_related("evaluation__version")


@dataclass(frozen=True)
class PassRate:
    """Expectations that passed, of those that were evaluated; `empty` ones had no row to look at and are neither."""

    passed: int
    evaluated: int
    empty: int

    @property
    def rate(self) -> float | None:
        return self.passed / self.evaluated if self.evaluated else None


COUNTED = {
    "passed": Count("pk", filter=Q(verdict=Verdict.PASSED)),
    "evaluated": Count("pk", filter=~Q(verdict=Verdict.EMPTY)),
    "empty": Count("pk", filter=Q(verdict=Verdict.EMPTY)),
}


def pass_rate_by_day(pipeline: Pipeline, days: int) -> list[tuple[date, str, PassRate]]:
    """By the day (UTC) of the evaluation and by layer, of the last `days` days; a day without one is not there."""
    rows = _results_since(pipeline, days).annotate(day=TruncDate("evaluation__evaluated_at"))
    rows = rows.values("day", layer=F("evaluation__version__layer")).annotate(**COUNTED).order_by("day", "layer")
    return [(row.pop("day"), row.pop("layer"), PassRate(**row)) for row in rows]


def pass_rate_by_suite(pipeline: Pipeline, days: int) -> dict[int, PassRate]:
    rows = _results_since(pipeline, days).values(suite=F("evaluation__suite")).annotate(**COUNTED).order_by("suite")
    return {row.pop("suite"): PassRate(**row) for row in rows}


def profiles_around(pipeline: Pipeline, first: date, last: date) -> dict[str, dict[date, Profile]]:
    """Profiles of these days and of complete ones before, as far back as drift looks, by type and day."""
    reach = first - timedelta(days=drift.REACH_DAYS)
    found: dict[str, dict[date, Profile]] = {}
    for row in DayProfile.objects.filter(pipeline=pipeline, day__gte=reach, day__lte=last).order_by("day"):
        if row.complete or row.day >= first:
            figures = {name: getattr(row, name) for name in ("readings", "null_share", "mean", "spread")}
            profile = Profile(day=row.day.isoformat(), sensor_type=row.sensor_type, **figures)
            found.setdefault(row.sensor_type, {})[row.day] = profile
    return found


def _results_since(pipeline: Pipeline, days: int) -> QuerySet[ExpectationResult]:
    """Of today and of the days before it."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since: datetime = midnight - timedelta(days=days - 1)
    mine = {"evaluation__suite__pipeline": pipeline, "evaluation__evaluated_at__gte": since}
    return ExpectationResult.objects.filter(**mine).order_by()
