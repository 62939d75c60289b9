"""Schedules: made, changed, switched, run now; their due times; and how fresh tables have to be."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import validate_slug
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.fields import FlagField, LineField, TextField, WholeField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.pipelines.selectors import pipeline_named
from controlplane.runs.api import REQUESTED, ParametersField, RunDetailSerializer
from controlplane.runs.selectors import run_described
from controlplane.schedules.models import Schedule, Slot
from controlplane.schedules.selectors import freshness_of, schedule_named, schedules_of
from controlplane.schedules.services import (
    freshness_set,
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_plan,
    schedule_run,
    schedule_switch,
)
from controlplane.schedules.states import CatchUp, FreshTable, SlotState


class ScheduleSerializer(serializers.ModelSerializer):
    kind = serializers.ChoiceField(REQUESTED)
    parameters = serializers.DictField()

    class Meta:
        model = Schedule
        fields = [
            "name",
            "kind",
            "cron",
            "interval_seconds",
            "timezone",
            "parameters",
            "enabled",
            "catch_up",
            "start_within_minutes",
            "end_within_minutes",
            "next_due_at",
            "created_at",
            "updated_at",
        ]


def _whole(help_text: str) -> WholeField:
    """The service knows the bounds; these keep what no column holds from it."""
    return WholeField(required=False, allow_null=True, min_value=0, max_value=2**31 - 1, help_text=help_text)


class ScheduleValuesSerializer(ReasonSerializer):
    """What a schedule says; what is left out is as usual, and not as it was."""

    kind = serializers.ChoiceField(REQUESTED)
    cron = LineField(
        required=False, allow_blank=True, max_length=100, help_text="Minute, hour, day of month, month, day of week."
    )
    interval_seconds = _whole("Instead of `cron`, 60 or more; counted from the epoch.")
    timezone = LineField(required=False, max_length=64, help_text="An IANA name; UTC unless told.")
    parameters = ParametersField(required=False, help_text="Of its runs; the defaults unless told.")
    enabled = FlagField(required=False, help_text="True unless told.")
    catch_up = serializers.ChoiceField(
        CatchUp.choices,
        required=False,
        help_text="Of due times that passed unseen; latest unless told.",
    )
    start_within_minutes = _whole("After the due time; no limit unless told.")
    end_within_minutes = _whole("After the due time; no limit unless told.")
    dry_run = FlagField(default=False, help_text="Say when it would be due, and change nothing.")


class NewScheduleSerializer(ScheduleValuesSerializer):
    name = TextField(max_length=50, validators=[validate_slug])


class NextSerializer(serializers.Serializer):
    """The next five due times, as the schedule stands or would stand; none of one that is disabled."""

    next = serializers.ListField(child=serializers.DateTimeField())


CHANGED = PolymorphicProxySerializer(
    component_name="ChangedSchedule", serializers=[ScheduleSerializer, NextSerializer], resource_type_field_name=None
)


class SlotSerializer(serializers.ModelSerializer):
    run = serializers.IntegerField(source="run_id", allow_null=True)

    class Meta:
        model = Slot
        fields = ["due_at", "state", "reason", "run", "created_at"]


@extend_schema_view(get=extend_schema(operation_id="schedules_list"))
class ScheduleList(ListView):
    """Schedules of a pipeline, by name."""

    serializer_class = ScheduleSerializer
    queryset = Schedule.objects.all()
    ordering = "name"

    def get_queryset(self) -> QuerySet[Schedule]:
        return schedules_of(pipeline_named(self.kwargs["name"]))

    @extend_schema(
        operation_id="schedules_create",
        request=NewScheduleSerializer,
        responses={200: NextSerializer, 201: ScheduleSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Make a schedule. A dry run answers 200 and makes none."""
        told = self.checked(NewScheduleSerializer, request.data)
        reason, called = told.pop("reason"), told.pop("name")
        if told.pop("dry_run"):
            return _next(schedule_plan(pipeline=name, name=called, values=told, is_new=True))
        made = schedule_create(pipeline=name, name=called, values=told, actor=request.user, reason=reason)
        return Response(ScheduleSerializer(made).data, status=status.HTTP_201_CREATED)


class ScheduleDetail(ApiView):
    @extend_schema(operation_id="schedules_get", responses=ScheduleSerializer)
    def get(self, request: Request, name: str, schedule: str) -> Response:
        return Response(ScheduleSerializer(schedule_named(name, schedule)).data)

    @extend_schema(
        operation_id="schedules_set",
        request=ScheduleValuesSerializer,
        responses=CHANGED,
    )
    def put(self, request: Request, name: str, schedule: str) -> Response:
        """Change a schedule. A dry run answers with the due times."""
        told = self.checked(ScheduleValuesSerializer, request.data)
        reason = told.pop("reason")
        if told.pop("dry_run"):
            return _next(schedule_plan(pipeline=name, name=schedule, values=told, is_new=False))
        changed = schedule_change(pipeline=name, name=schedule, values=told, actor=request.user, reason=reason)
        return Response(ScheduleSerializer(changed).data)

    @extend_schema(operation_id="schedules_delete", responses={204: None})
    def delete(self, request: Request, name: str, schedule: str) -> Response:
        """Delete a schedule; a body may have a `reason`. The runs that it made, and its slots, stay."""
        schedule_delete(pipeline=name, name=schedule, actor=request.user, reason=self.reason(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SwitchView(ApiView):
    enabled: ClassVar[bool]

    def post(self, request: Request, name: str, schedule: str) -> Response:
        told = {"actor": request.user, "reason": self.reason(request)}
        switched = schedule_switch(pipeline=name, name=schedule, enabled=self.enabled, **told)
        return Response(ScheduleSerializer(switched).data)


def _switched(name: str) -> dict[str, Any]:
    return {"operation_id": f"schedules_{name}", "request": ReasonSerializer, "responses": ScheduleSerializer}


@extend_schema_view(post=extend_schema(**_switched("enable")))
class EnableView(SwitchView):
    """Have it make runs again, from its next due time on."""

    enabled = True


@extend_schema_view(post=extend_schema(**_switched("disable")))
class DisableView(SwitchView):
    """Have it make no runs; due times meanwhile are none that it missed."""

    enabled = False


class RunView(ApiView):
    @extend_schema(operation_id="schedules_run", request=ReasonSerializer, responses={202: RunDetailSerializer})
    def post(self, request: Request, name: str, schedule: str) -> Response:
        """Have a run made now as the schedule makes them; a daily one is over yesterday, UTC."""
        run = schedule_run(pipeline=name, name=schedule, actor=request.user, reason=self.reason(request))
        return Response(RunDetailSerializer(run_described(run.pk)).data, status=status.HTTP_202_ACCEPTED)


class NextView(ApiView):
    @extend_schema(operation_id="schedules_next", responses=NextSerializer)
    def get(self, request: Request, name: str, schedule: str) -> Response:
        """When it is due next, five times."""
        found = schedule_named(name, schedule)
        return _next(found.timing.next(timezone.now()) if found.enabled else [])


class SlotQuerySerializer(StrictSerializer):
    state = serializers.ChoiceField(SlotState.choices, required=False)


@extend_schema_view(get=extend_schema(operation_id="slots_list"))
class SlotList(ListView):
    """Due times of a schedule that have come, the newest first, and what became of them."""

    query_serializer = SlotQuerySerializer
    serializer_class = SlotSerializer
    queryset = Slot.objects.all()
    ordering = "-due_at"

    def get_queryset(self) -> QuerySet[Slot]:
        schedule = schedule_named(self.kwargs["name"], self.kwargs["schedule"])
        return Slot.objects.filter(schedule=schedule, **self.query)


class TableFreshnessSerializer(serializers.Serializer):
    table = serializers.ChoiceField(FreshTable.choices)
    limit_minutes = serializers.IntegerField()
    committed_at = serializers.DateTimeField(allow_null=True, help_text="Of the newest commit that was told of.")


class FreshTablesSerializer(serializers.Serializer):
    tables = TableFreshnessSerializer(many=True)


class NewFreshnessSerializer(ReasonSerializer):
    limits = serializers.DictField(
        child=WholeField(), help_text="Minutes by table; one that is not named has the usual limit, 30."
    )


class FreshnessView(ApiView):
    @extend_schema(operation_id="freshness_get", responses=FreshTablesSerializer)
    def get(self, request: Request, name: str) -> Response:
        """How old the newest commit of each table may be, and when that was."""
        return self._answer(name)

    @extend_schema(operation_id="freshness_set", request=NewFreshnessSerializer, responses=FreshTablesSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Say how old tables may be."""
        told = self.checked(NewFreshnessSerializer, request.data)
        freshness_set(pipeline=name, actor=request.user, **told)
        return self._answer(name)

    def _answer(self, name: str) -> Response:
        tables = freshness_of(pipeline_named(name))
        return Response(FreshTablesSerializer({"tables": tables}).data)


def _next(due: list[Any]) -> Response:
    return Response(NextSerializer({"next": due}).data)
