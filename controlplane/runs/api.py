"""Runs: asked for, followed, cancelled, taken up again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.fields import FlagField, WholeField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.pipelines.selectors import pipeline_named
from controlplane.quality.api import EvaluationList
from controlplane.runs.models import Application, Attempt, Run, RunMove, Stage
from controlplane.runs.selectors import log_after, run_described, run_numbered, runs_listed
from controlplane.runs.services import run_cancel, run_plan, run_request, run_rerun, run_retry
from controlplane.runs.states import RunKind, RunState, StageName, StageState

LOG_CHUNKS = 20
REQUESTED = ["daily", "maintenance", "quality"]  # a backfill makes its runs itself


class AttemptSerializer(serializers.ModelSerializer):
    class Meta:
        model = Attempt
        fields = ["number", "state", "rows_in", "rows_out", "detail", "cause", "started_at", "ended_at"]


class StageSerializer(serializers.ModelSerializer):
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Stage
        fields = ["name", "state", "rows_in", "rows_out", "detail", "cause", "started_at", "ended_at", "attempts"]


class ApplicationSerializer(serializers.ModelSerializer):
    stages = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Application
        fields = ["number", "state", "stages", "pid", "code", "cause", "requested_at", "launched_at", "ended_at"]


class RunMoveSerializer(serializers.ModelSerializer):
    class Meta:
        model = RunMove
        fields = ["before", "after", "reason", "at"]


class StageStandingSerializer(serializers.Serializer):
    name = serializers.ChoiceField(StageName.choices)
    state = serializers.ChoiceField(StageState.choices)


@extend_schema_field(StageStandingSerializer(many=True))
class StageStatesField(serializers.ReadOnlyField):
    """As the database made them."""


class RunSerializer(serializers.ModelSerializer):
    """A run, and how its stages stand."""

    pipeline = serializers.CharField(source="pipeline.name")
    version = serializers.IntegerField(source="version_number", allow_null=True)
    requested_by = serializers.CharField(source="requester", allow_null=True)
    rerun_of = serializers.IntegerField(source="rerun_of_id", allow_null=True)
    parameters = serializers.DictField()
    stages = StageStatesField(source="stage_states")

    class Meta:
        model = Run
        fields = [
            "id",
            "pipeline",
            "kind",
            "state",
            "first_day",
            "last_day",
            "parameters",
            "version",
            "trigger",
            "reason",
            "requested_by",
            "rerun_of",
            "retries",
            "cause",
            "waiting",
            "created_at",
            "started_at",
            "ended_at",
            "stages",
        ]


class RunDetailSerializer(RunSerializer):
    """A run with its stages and their attempts, its applications, and the 20 newest moves."""

    stages = StageSerializer(many=True)
    applications = ApplicationSerializer(many=True)
    moves = RunMoveSerializer(many=True, source="newest_moves")

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "applications", "moves"]


@extend_schema_field({"type": "object", "additionalProperties": {"type": ["string", "number"]}})
class ParametersField(serializers.DictField):
    """What a run is told, by name; the service checks it."""


class RunRequestSerializer(ReasonSerializer):
    kind = serializers.ChoiceField(REQUESTED)
    first_day = serializers.DateField(required=False, help_text="UTC; of a daily run, yesterday unless told.")
    last_day = serializers.DateField(required=False, help_text="The first unless told.")
    parameters = ParametersField(required=False, help_text="See docs/api.md; the defaults unless told.")
    dry_run = FlagField(default=False, help_text="Say what would be done, and do nothing.")


class RunPlanSerializer(serializers.Serializer):
    """What would be done."""

    kind = serializers.ChoiceField(RunKind.choices)
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField(allow_null=True)
    parameters = serializers.DictField()
    stages = serializers.ListField(child=serializers.ChoiceField(StageName.choices))
    hindered_by = serializers.CharField(allow_null=True, help_text="Why it would be refused as things are.")


class RunQuerySerializer(StrictSerializer):
    kind = serializers.ChoiceField(RunKind.choices, required=False)
    state = serializers.ChoiceField(RunState.choices, required=False)


@extend_schema_view(get=extend_schema(operation_id="runs_list"))
class RunList(ListView):
    """Runs of a pipeline, newest first."""

    query_serializer = RunQuerySerializer
    serializer_class = RunSerializer
    queryset = Run.objects.all()

    def get_queryset(self) -> QuerySet[Run]:
        return runs_listed().filter(pipeline=pipeline_named(self.kwargs["name"]), **self.query)

    @extend_schema(
        operation_id="runs_create",
        request=RunRequestSerializer,
        responses={200: RunPlanSerializer, 202: RunDetailSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Have a run made; the answer comes before it begins. A dry run answers 200 and makes none."""
        told = self.checked(RunRequestSerializer, request.data)
        if told.pop("dry_run"):
            told.pop("reason")
            return Response(RunPlanSerializer(run_plan(pipeline=name, **told)).data)
        run = run_request(pipeline=name, actor=request.user, **told)
        return Response(RunDetailSerializer(run_described(run.pk)).data, status=status.HTTP_202_ACCEPTED)


class EvaluationRequestSerializer(ReasonSerializer):
    hours = WholeField(
        required=False,
        min_value=1,
        max_value=168,
        help_text="Newest complete hours whose rows are looked at, 1 unless told.",
    )


class EvaluationRequests(EvaluationList):
    """Evaluations are listed, and asked for: it takes a run to make some."""

    @extend_schema(
        operation_id="evaluations_create",
        request=EvaluationRequestSerializer,
        responses={202: RunDetailSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Have the suites evaluated over the newest complete hours by a quality run."""
        told = self.checked(EvaluationRequestSerializer, request.data)
        reason = told.pop("reason")
        run = run_request(pipeline=name, kind=RunKind.QUALITY, parameters=told, actor=request.user, reason=reason)
        return Response(RunDetailSerializer(run_described(run.pk)).data, status=status.HTTP_202_ACCEPTED)


class RunDetail(ApiView):
    @extend_schema(operation_id="runs_get", responses=RunDetailSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        return Response(RunDetailSerializer(run_described(run_id)).data)


class RunCommand(ApiView):
    """Asks for something of a run, and answers before it is so."""

    command: ClassVar[Callable[..., Run]]

    def post(self, request: Request, run_id: int) -> Response:
        run = type(self).command(run_id=run_id, actor=request.user, reason=self.reason(request))
        return Response(RunDetailSerializer(run_described(run.pk)).data, status=status.HTTP_202_ACCEPTED)


def asked(name: str) -> dict[str, Any]:
    return {"operation_id": f"runs_{name}", "request": ReasonSerializer, "responses": {202: RunDetailSerializer}}


@extend_schema_view(post=extend_schema(**asked("cancel")))
class CancelView(RunCommand):
    """Have a run end. It is cancelled once what runs for it is proven dead."""

    command = run_cancel


@extend_schema_view(post=extend_schema(**asked("retry")))
class RetryView(RunCommand):
    """Take a run up again from the stage that did not succeed."""

    command = run_retry


@extend_schema_view(post=extend_schema(**asked("rerun")))
class RerunView(RunCommand):
    """Make a new run with the days and parameters of one that is over."""

    command = run_rerun


class LogQuerySerializer(StrictSerializer):
    after = serializers.IntegerField(default=0, min_value=0, max_value=2**63 - 1, help_text="`next` of another answer.")


class LogSerializer(serializers.Serializer):
    """Whole lines, in the order in which they were stored. `ended` says that no more will come."""

    text = serializers.CharField()
    next = serializers.IntegerField()
    ended = serializers.BooleanField()


class LogView(ApiView):
    query_serializer = LogQuerySerializer

    @extend_schema(operation_id="runs_log", responses=LogSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        """What the run's applications wrote, a part at a time: ask with `next` until the text is empty."""
        run = run_numbered(run_id)
        chunks = list(log_after(run_id, self.query["after"])[:LOG_CHUNKS])
        told = {
            "text": "".join(chunk.text for chunk in chunks),
            "next": chunks[-1].pk if chunks else self.query["after"],
            "ended": run.is_over and len(chunks) < LOG_CHUNKS,
        }
        return Response(LogSerializer(told).data)
