"""The data docs of a pipeline: one page, made here, that says in words what is expected and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from controlplane.core.errors import NotFound
from controlplane.pipelines.selectors import pipeline_named
from controlplane.quality import drift
from controlplane.quality.models import ExpectationResult, Suite, SuiteEvaluation
from controlplane.quality.selectors import PassRate, evaluations_newest, pass_rate_by_suite, suites_of
from controlplane.quality.words import expectation_words, observed_words

DAYS = 30  # of the pass rate


@dataclass(frozen=True)
class Row:
    """An expectation in words, and what became of it when its suite was last evaluated; drift has one a sensor type."""

    words: str
    result: ExpectationResult | None

    @property
    def observed(self) -> str:
        return "" if self.result is None else observed_words(self.result.observed)


@dataclass(frozen=True)
class Section:
    suite: Suite
    evaluation: SuiteEvaluation | None
    rate: PassRate | None
    rows: list[Row]

    @property
    def outdated(self) -> bool:
        """Whether what is shown was found by another version than the newest."""
        return self.evaluation is not None and self.evaluation.version.number != self.suite.number


@require_safe
def report(request: HttpRequest, name: str) -> HttpResponse:
    """Whoever is signed in may read it; who is not is asked to by the console."""
    if not request.user.is_authenticated:
        return redirect(f"/login?{urlencode({'next': request.path})}")
    try:
        pipeline = pipeline_named(name)
    except NotFound as error:
        raise Http404 from error
    newest, rates = evaluations_newest(pipeline), pass_rate_by_suite(pipeline, DAYS)
    suites = suites_of(pipeline).order_by("name")
    sections = [_section(suite, newest.get(suite.pk), rates.get(suite.pk)) for suite in suites]
    told = {"pipeline": pipeline, "sections": sections, "days": DAYS, "least_days": drift.LEAST_DAYS}
    response = render(request, "quality/report.html", told)
    response["Cache-Control"] = "no-store"
    return response


def _section(suite: Suite, evaluation: SuiteEvaluation | None, rate: PassRate | None) -> Section:
    if evaluation is not None:
        results = list(evaluation.results.all())
        rows = [Row(expectation_words(result.type, result.arguments), result) for result in results]
    else:
        rows = [Row(expectation_words(item["type"], item["arguments"]), None) for item in suite.expectations]
    return Section(suite, evaluation, rate, rows)
