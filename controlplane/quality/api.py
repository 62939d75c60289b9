"""Suites and their versions, what evaluations found, the pass rate, and what suites may say."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.parsing import ReasonSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.core.errors import NotFound
from controlplane.pipelines.selectors import pipeline_named
from controlplane.quality import serializers as shown
from controlplane.quality.describing import vocabulary_described
from controlplane.quality.models import ExpectationResult, Suite, SuiteEvaluation, SuiteVersion
from controlplane.quality.selectors import (
    evaluation_numbered,
    evaluations_of,
    expectation_history,
    pass_rate_by_day,
    suite_named,
    suites_of,
)
from controlplane.quality.services import suite_create, suite_plan, suite_save, suite_switch

SAVED = PolymorphicProxySerializer(
    component_name="SavedSuite",
    serializers=[shown.SuiteSerializer, shown.SuitePlanSerializer],
    resource_type_field_name=None,
)


@extend_schema_view(get=extend_schema(operation_id="suites_list"))
class SuiteList(ListView):
    """Suites of a pipeline, by name."""

    serializer_class = shown.SuiteSerializer
    queryset = Suite.objects.all()
    ordering = "name"

    def get_queryset(self) -> QuerySet[Suite]:
        return suites_of(pipeline_named(self.kwargs["name"]))

    @extend_schema(
        operation_id="suites_create",
        request=shown.NewSuiteSerializer,
        responses={200: shown.SuitePlanSerializer, 201: shown.SuiteSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Make a suite. A dry run answers 200 and makes none."""
        told = self.checked(shown.NewSuiteSerializer, request.data)
        suite: dict[str, Any] = {"pipeline": name, "name": told["name"], "values": shown.values_of(told)}
        if told["dry_run"]:
            return Response(shown.SuitePlanSerializer(suite_plan(**suite, is_new=True)).data)
        suite_create(**suite, actor=request.user, reason=told["reason"])
        return _suite(name, told["name"], status.HTTP_201_CREATED)


class SuiteDetail(ApiView):
    @extend_schema(operation_id="suites_get", responses=shown.SuiteSerializer)
    def get(self, request: Request, name: str, suite: str) -> Response:
        return _suite(name, suite)

    @extend_schema(
        operation_id="suites_set",
        request=shown.SuiteValuesSerializer,
        responses={200: SAVED, 201: shown.SuiteSerializer},
    )
    def put(self, request: Request, name: str, suite: str) -> Response:
        """Have a suite say this: by a new version where the newest says another thing, 201 where there was none of
        the name. A dry run says what would change.
        """
        told = self.checked(shown.SuiteValuesSerializer, request.data)
        saved: dict[str, Any] = {"pipeline": name, "name": suite, "values": shown.values_of(told)}
        if told["dry_run"]:
            return Response(shown.SuitePlanSerializer(suite_plan(**saved)).data)
        version, made = suite_save(**saved, actor=request.user, reason=told["reason"])
        is_first = made and version.number == 1
        return _suite(name, suite, status.HTTP_201_CREATED if is_first else status.HTTP_200_OK)


@extend_schema_view(get=extend_schema(operation_id="suite_versions_list"))
class VersionList(ListView):
    """What a suite has said, the newest first. No version ever changes."""

    serializer_class = shown.SuiteVersionSerializer
    queryset = SuiteVersion.objects.all()
    ordering = "-number"

    def get_queryset(self) -> QuerySet[SuiteVersion]:
        suite = suite_named(self.kwargs["name"], self.kwargs["suite"])
        return SuiteVersion.objects.filter(suite=suite).select_related("made_by")


class SwitchView(ApiView):
    enabled: ClassVar[bool]

    def post(self, request: Request, name: str, suite: str) -> Response:
        told = {"actor": request.user, "reason": self.reason(request)}
        suite_switch(pipeline=name, name=suite, enabled=self.enabled, **told)
        return _suite(name, suite)


def _switched(name: str) -> dict[str, Any]:
    return {"operation_id": f"suites_{name}", "request": ReasonSerializer, "responses": shown.SuiteSerializer}


@extend_schema_view(post=extend_schema(**_switched("enable")))
class EnableView(SwitchView):
    """Have a suite be evaluated again."""

    enabled = True


@extend_schema_view(post=extend_schema(**_switched("disable")))
class DisableView(SwitchView):
    """Have a suite not be evaluated any more; what was found stays."""

    enabled = False


@extend_schema_view(get=extend_schema(operation_id="expectation_history_list"))
class HistoryList(ListView):
    """What became of an expectation of the newest version, by its place there, whichever version it stood in."""

    serializer_class = shown.PastResultSerializer
    queryset = ExpectationResult.objects.all()

    def get_queryset(self) -> QuerySet[ExpectationResult]:
        suite = suite_named(self.kwargs["name"], self.kwargs["suite"])
        position = self.kwargs["position"]
        if position >= len(suite.expectations):
            raise NotFound(f"{suite} has no expectation {position}")
        return expectation_history(suite, **suite.expectations[position])


@extend_schema_view(get=extend_schema(operation_id="evaluations_list"))
class EvaluationList(ListView):
    """What evaluations of suites came to, newest first."""

    query_serializer = shown.EvaluationQuerySerializer
    serializer_class = shown.EvaluationSerializer
    queryset = SuiteEvaluation.objects.all()

    def get_queryset(self) -> QuerySet[SuiteEvaluation]:
        return evaluations_of(pipeline_named(self.kwargs["name"]), **self.query)


class EvaluationDetail(ApiView):
    @extend_schema(operation_id="evaluations_get", responses=shown.EvaluationDetailSerializer)
    def get(self, request: Request, name: str, evaluation_id: int) -> Response:
        """With what became of each expectation, and samples of the rows that break it."""
        found = evaluation_numbered(pipeline_named(name), evaluation_id)
        return Response(shown.EvaluationDetailSerializer(found).data)


class PassRateView(ApiView):
    query_serializer = shown.PassRateQuerySerializer

    @extend_schema(operation_id="pass_rate_get", responses=shown.PassRatesSerializer)
    def get(self, request: Request, name: str) -> Response:
        """How many of the expectations that were evaluated passed, by the day of the evaluation and by layer."""
        found = pass_rate_by_day(pipeline_named(name), self.query["days"])
        days = [{"day": day, "layer": layer, "rate": rate.rate, **vars(rate)} for day, layer, rate in found]
        return Response(shown.PassRatesSerializer({"days": days}).data)


class VocabularyView(ApiView):
    @extend_schema(operation_id="quality_vocabulary_get", responses=shown.QualityVocabularySerializer)
    def get(self, request: Request, name: str) -> Response:
        """What suites may say."""
        pipeline_named(name)
        return Response(shown.QualityVocabularySerializer(vocabulary_described()).data)


def _suite(pipeline: str, name: str, code: int = status.HTTP_200_OK) -> Response:
    return Response(shown.SuiteSerializer(suite_named(pipeline, name)).data, status=code)
