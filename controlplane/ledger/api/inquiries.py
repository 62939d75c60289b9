"""Questions that a worker answers: recounts, traces, and what a watermark would do. Asked by POST, looked at by GET."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.fields import LineField, MomentField, NumberField, WholeField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView
from controlplane.core.roles import Role
from controlplane.ledger.api.accounts import AccountsSerializer
from controlplane.ledger.models import Inquiry
from controlplane.ledger.services import inquiry_request, recount_request
from controlplane.ledger.states import InquiryKind
from controlplane.pipelines.selectors import pipeline_named

MOST_OFFSET = 2**63 - 1
LONGEST_WATERMARK = 1440  # minutes
MOST_WATERMARKS = 20


def _inquiry(name: str, kind: str, pk: int) -> Inquiry:
    return get_object_or_404(Inquiry, pipeline=pipeline_named(name), kind=kind, pk=pk)


class InquirySerializer(serializers.ModelSerializer):
    """`result` is there once it has succeeded, `reason` says why it has failed."""

    class Meta:
        model = Inquiry
        fields = ["id", "status", "reason", "question", "requested_at", "finished_at", "result"]


class RecountSerializer(AccountsSerializer):
    """The accounts as they were found, and what is wrong with them."""

    pipeline = serializers.CharField()
    dead_letters_by_reason = serializers.DictField(child=serializers.IntegerField())
    where = serializers.DictField(child=serializers.CharField(), help_text="Where each side was counted.")
    problems = serializers.ListField(child=serializers.CharField())


class VerificationSerializer(serializers.ModelSerializer):
    result = RecountSerializer(allow_null=True)

    class Meta:
        model = Inquiry
        fields = ["id", "status", "reason", "requested_at", "finished_at", "result"]


class VerificationRequests(ApiView):
    write_role = Role.VIEWER

    @extend_schema(
        operation_id="ledger_verifications_create", request=ReasonSerializer, responses={202: VerificationSerializer}
    )
    def post(self, request: Request, name: str) -> Response:
        """Have a worker recount from Kafka, lake and warehouse; it changes nothing, so a viewer may ask for it."""
        made = recount_request(pipeline=name, actor=request.user, reason=self.reason(request))
        return Response(VerificationSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class VerificationDetail(ApiView):
    @extend_schema(operation_id="ledger_verifications_get", responses=VerificationSerializer)
    def get(self, request: Request, name: str, verification_id: int) -> Response:
        found = get_object_or_404(Inquiry, pipeline=pipeline_named(name), kind=InquiryKind.RECOUNT, pk=verification_id)
        return Response(VerificationSerializer(found).data)


class TraceQuestionSerializer(StrictSerializer):
    """A sensor and the time of its reading, or a place in Kafka."""

    sensor_id = LineField(required=False, max_length=1000)
    timestamp = MomentField(required=False, help_text="Of the reading.")
    topic = LineField(required=False, max_length=249, help_text="The pipeline's by itself.")
    partition = WholeField(required=False, min_value=0, max_value=2**31 - 1)
    offset = WholeField(required=False, min_value=0, max_value=MOST_OFFSET)

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        if told.keys() not in ({"sensor_id", "timestamp"}, {"partition", "offset"}, {"topic", "partition", "offset"}):
            raise serializers.ValidationError("give sensor_id and timestamp, or partition and offset, and nothing else")
        if "timestamp" in told:
            told["timestamp"] = told["timestamp"].isoformat()
        return told


class StepSerializer(serializers.Serializer):
    """`detail` has commit, batch, version, runs and figures of the layer's own by name."""

    layer = serializers.CharField(help_text="kafka, bronze, dead_letters, silver, gold, warehouse")
    state = serializers.CharField(help_text="present, waiting, stopped, missing or unknown")
    words = serializers.CharField()
    detail = serializers.DictField()


class TracedSerializer(serializers.Serializer):
    topic = serializers.CharField()
    partition = serializers.IntegerField()
    offset = serializers.IntegerField()
    steps = StepSerializer(many=True)


class TraceResultSerializer(serializers.Serializer):
    found = serializers.BooleanField(help_text="Whether any layer has it.")
    words = serializers.CharField(help_text="Where it is, or where and why it stopped.")
    records = TracedSerializer(many=True)
    problems = serializers.ListField(child=serializers.CharField(), help_text="Files that a table has lost.")


class TraceSerializer(InquirySerializer):
    result = TraceResultSerializer(allow_null=True)


class TraceRequests(ApiView):
    write_role = Role.VIEWER

    @extend_schema(operation_id="traces_create", request=TraceQuestionSerializer, responses={202: TraceSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Have a worker follow one reading through Kafka, lake and warehouse."""
        question = self.checked(TraceQuestionSerializer, request.data)
        made = inquiry_request(pipeline=name, kind=InquiryKind.TRACE, question=question)
        return Response(TraceSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class TraceDetail(ApiView):
    @extend_schema(operation_id="traces_get", responses=TraceSerializer)
    def get(self, request: Request, name: str, trace_id: int) -> Response:
        return Response(TraceSerializer(_inquiry(name, InquiryKind.TRACE, trace_id)).data)


class DelaysQuestionSerializer(StrictSerializer):
    """Watermarks to try beside the usual ones, and days of arrival; all there are by itself."""

    minutes = serializers.ListField(
        child=NumberField(min_value=0, max_value=LONGEST_WATERMARK),
        required=False,
        max_length=MOST_WATERMARKS,
    )
    first_day = serializers.DateField(required=False)
    last_day = serializers.DateField(required=False)

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        days = [told[name] for name in ("first_day", "last_day") if name in told]
        if days != sorted(days):
            raise serializers.ValidationError({"last_day": ["before the first day"]})
        return told | {name: told[name].isoformat() for name in ("first_day", "last_day") if name in told}


class TypeDelaysSerializer(serializers.Serializer):
    sensor_type = serializers.CharField()
    readings = serializers.IntegerField()
    behind = serializers.IntegerField(help_text="How many were behind their sensor's newest at all.")
    delays = serializers.DictField(child=serializers.FloatField(), help_text="Seconds by quantile, and the greatest.")


class WatermarkSerializer(serializers.Serializer):
    minutes = serializers.FloatField()
    own = serializers.BooleanField(help_text="The pipeline's own.")
    deferred = serializers.IntegerField(help_text="Readings that it would have deferred.")
    by_type = serializers.DictField(child=serializers.IntegerField())


class DelaysResultSerializer(serializers.Serializer):
    readings = serializers.IntegerField(help_text="Without duplicates.")
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField(allow_null=True)
    own_minutes = serializers.FloatField()
    types = TypeDelaysSerializer(many=True)
    watermarks = WatermarkSerializer(many=True)
    problems = serializers.ListField(child=serializers.CharField(), help_text="Files that a table has lost.")


class DelaysSerializer(InquirySerializer):
    result = DelaysResultSerializer(allow_null=True)


class DelaysRequests(ApiView):
    write_role = Role.VIEWER

    @extend_schema(operation_id="delays_create", request=DelaysQuestionSerializer, responses={202: DelaysSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Have a worker count how late readings came, and what each watermark would have deferred."""
        question = self.checked(DelaysQuestionSerializer, request.data)
        made = inquiry_request(pipeline=name, kind=InquiryKind.DELAYS, question=question)
        return Response(DelaysSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class DelaysDetail(ApiView):
    @extend_schema(operation_id="delays_get", responses=DelaysSerializer)
    def get(self, request: Request, name: str, delays_id: int) -> Response:
        return Response(DelaysSerializer(_inquiry(name, InquiryKind.DELAYS, delays_id)).data)
