"""Backfills: previewed, asked for, followed, paused, cancelled, taken up again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.backfills.models import Backfill, BackfillMove, Slot
from controlplane.backfills.selectors import SLOTS_OF, backfill_described, backfill_preview, backfills_listed
from controlplane.backfills.services import (
    backfill_cancel,
    backfill_pause,
    backfill_request,
    backfill_resume,
    backfill_retry,
)
from controlplane.backfills.states import BackfillState, Before, Only, Order
from controlplane.backfills.wanted import DEFAULT_LAG, MOST_CONCURRENCY, MOST_LAG, wanted_checked
from controlplane.core.api.fields import WholeField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.pipelines.selectors import pipeline_named


class BackfillWantedSerializer(StrictSerializer):
    """Days, UTC, both ends included, and how they are gone through."""

    first_day = serializers.DateField()
    last_day = serializers.DateField(required=False, help_text="The first unless told; 366 days at most.")
    order = serializers.ChoiceField(Order.choices, default=Order.OLDEST, help_text="Which day comes first.")
    concurrency = WholeField(
        min_value=1, max_value=MOST_CONCURRENCY, default=1, help_text="How many of its runs at a time."
    )
    only = serializers.ChoiceField(
        Only.choices, default=Only.ALL, help_text="Every day, those that never ran, or those that failed last."
    )
    throttle_lag = WholeField(
        min_value=0,
        max_value=MOST_LAG,
        default=DEFAULT_LAG,
        help_text="Live lag in readings over which no new slot starts, until it is below half of that.",
    )


class BackfillRequestSerializer(BackfillWantedSerializer, ReasonSerializer):
    """What is wanted, and why."""


class BackfillDaySerializer(serializers.Serializer):
    """What is known of a day; null is nothing. `slot` says whether it would be done."""

    day = serializers.DateField()
    silver = serializers.IntegerField(allow_null=True, help_text="Silver rows, by the day of their event.")
    deferred = serializers.IntegerField(allow_null=True, help_text="Deferred readings, by the day of their arrival.")
    before = serializers.ChoiceField(Before.choices, help_text="What came of its newest run that ended by itself.")
    run = serializers.IntegerField(allow_null=True, help_text="That run.")
    slot = serializers.BooleanField()


class BackfillEstimateSerializer(serializers.Serializer):
    seconds = serializers.FloatField()
    rows_per_second = serializers.FloatField()
    fixed_seconds = serializers.FloatField(help_text="Of each run, beside Spark's stages.")
    at_once = serializers.IntegerField(help_text="How many runs at a time that reckons with.")
    how = serializers.CharField(help_text="How it was reckoned.")


class BackfillPreviewSerializer(serializers.Serializer):
    """What a backfill would come to, as things are."""

    first_day = serializers.DateField()
    last_day = serializers.DateField()
    order = serializers.ChoiceField(Order.choices)
    concurrency = serializers.IntegerField()
    only = serializers.ChoiceField(Only.choices)
    throttle_lag = serializers.IntegerField()
    days = BackfillDaySerializer(many=True)
    slots = serializers.IntegerField()
    readings = serializers.IntegerField(help_text="Of the days with a slot, where they are known.")
    unknown_days = serializers.IntegerField(help_text="Days with a slot of which nothing is known.")
    estimate = BackfillEstimateSerializer()
    conflicts = serializers.ListField(child=serializers.CharField(), help_text="Why it would be refused as things are.")


class BackfillCountsSerializer(serializers.Serializer):
    """How many slots are in each state."""

    pending = serializers.IntegerField(source=SLOTS_OF["pending"])
    running = serializers.IntegerField(source=SLOTS_OF["running"])
    succeeded = serializers.IntegerField(source=SLOTS_OF["succeeded"])
    failed = serializers.IntegerField(source=SLOTS_OF["failed"])
    cancelled = serializers.IntegerField(source=SLOTS_OF["cancelled"])


class BackfillSlotSerializer(serializers.ModelSerializer):
    """A day, and the newest run that did it: its cause of failing, what it waits for, its times."""

    run = serializers.IntegerField(source="run_id", allow_null=True)
    cause = serializers.CharField(source="run.cause", default="")
    waiting = serializers.CharField(source="run.waiting", default="")
    started_at = serializers.DateTimeField(source="run.started_at", allow_null=True, default=None)
    ended_at = serializers.DateTimeField(source="run.ended_at", allow_null=True, default=None)

    class Meta:
        model = Slot
        fields = ["day", "position", "state", "run", "cause", "waiting", "started_at", "ended_at"]


class BackfillMoveSerializer(serializers.ModelSerializer):
    class Meta:
        model = BackfillMove
        fields = ["before", "after", "reason", "at"]


class BackfillSerializer(serializers.ModelSerializer):
    """A backfill with the counts of its slots."""

    pipeline = serializers.CharField(source="pipeline.name")
    requested_by = serializers.CharField(source="requested_by.username", allow_null=True, default=None)
    counts = BackfillCountsSerializer(source="*")

    class Meta:
        model = Backfill
        fields = [
            "id",
            "pipeline",
            "state",
            "first_day",
            "last_day",
            "order",
            "concurrency",
            "only",
            "throttle_lag",
            "throttled",
            "reason",
            "requested_by",
            "cause",
            "waiting",
            "created_at",
            "started_at",
            "ended_at",
            "counts",
        ]


class BackfillDetailSerializer(BackfillSerializer):
    """A backfill with every slot, in the order in which they start, and the 20 newest moves."""

    slots = BackfillSlotSerializer(many=True)
    moves = BackfillMoveSerializer(many=True, source="newest_moves")

    class Meta(BackfillSerializer.Meta):
        fields = [*BackfillSerializer.Meta.fields, "slots", "moves"]


class BackfillQuerySerializer(StrictSerializer):
    state = serializers.ChoiceField(BackfillState.choices, required=False)


@extend_schema_view(get=extend_schema(operation_id="backfills_list"))
class BackfillList(ListView):
    """Backfills of a pipeline, newest first."""

    query_serializer = BackfillQuerySerializer
    serializer_class = BackfillSerializer
    queryset = Backfill.objects.all()

    def get_queryset(self) -> QuerySet[Backfill]:
        return backfills_listed().filter(pipeline=pipeline_named(self.kwargs["name"]), **self.query)

    @extend_schema(
        operation_id="backfills_create", request=BackfillRequestSerializer, responses={202: BackfillDetailSerializer}
    )
    def post(self, request: Request, name: str) -> Response:
        """Have days done anew; the answer comes before the first of them begins."""
        told = self.checked(BackfillRequestSerializer, request.data)
        return _answer(backfill_request(pipeline=name, actor=request.user, **told))


class PreviewView(ApiView):
    @extend_schema(
        operation_id="backfills_preview", request=BackfillWantedSerializer, responses=BackfillPreviewSerializer
    )
    def post(self, request: Request, name: str) -> Response:
        """What a backfill would come to. Nothing is made."""
        told = self.checked(BackfillWantedSerializer, request.data)
        wanted = wanted_checked(today=timezone.now().date(), **told)
        return Response(BackfillPreviewSerializer(backfill_preview(pipeline_named(name), wanted)).data)


class BackfillDetail(ApiView):
    @extend_schema(operation_id="backfills_get", responses=BackfillDetailSerializer)
    def get(self, request: Request, backfill_id: int) -> Response:
        return Response(BackfillDetailSerializer(backfill_described(backfill_id)).data)


class BackfillCommand(ApiView):
    """Asks for something of a backfill, and answers before it is so."""

    command: ClassVar[Callable[..., Backfill]]
    body: ClassVar[type[ReasonSerializer]] = ReasonSerializer

    def post(self, request: Request, backfill_id: int) -> Response:
        told = self.checked(self.body, request.data)
        return _answer(type(self).command(backfill_id=backfill_id, actor=request.user, **told))


class BackfillRetrySerializer(ReasonSerializer):
    only = serializers.ChoiceField(
        Only.choices, default=Only.ALL, help_text="The days that failed, those that were cancelled, or both."
    )


def asked(name: str, request: type[ReasonSerializer] = ReasonSerializer) -> dict[str, Any]:
    return {"operation_id": f"backfills_{name}", "request": request, "responses": {202: BackfillDetailSerializer}}


@extend_schema_view(post=extend_schema(**asked("pause")))
class PauseView(BackfillCommand):
    """Have no new slot start; those that run end by themselves."""

    command = backfill_pause


@extend_schema_view(post=extend_schema(**asked("resume")))
class ResumeView(BackfillCommand):
    """Have slots start again."""

    command = backfill_resume


@extend_schema_view(post=extend_schema(**asked("cancel")))
class CancelView(BackfillCommand):
    """Have a backfill end, and its runs with it. It is cancelled once they are over."""

    command = backfill_cancel


@extend_schema_view(post=extend_schema(**asked("retry", BackfillRetrySerializer)))
class RetryView(BackfillCommand):
    """Take a backfill up again with the days that did not succeed."""

    command = backfill_retry
    body = BackfillRetrySerializer


def _answer(backfill: Backfill) -> Response:
    told = BackfillDetailSerializer(backfill_described(backfill.pk)).data
    return Response(told, status=status.HTTP_202_ACCEPTED)
