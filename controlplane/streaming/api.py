"""The streaming job of a pipeline: what is wanted, what is known, and its batches."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.pipelines.selectors import pipeline_named
from controlplane.streaming.models import MicroBatch, StreamingJob, StreamingJobMove
from controlplane.streaming.selectors import job_of
from controlplane.streaming.services import job_desire
from controlplane.streaming.states import Desired
from spark_jobs.contracts import Query

QUERIES = [item.value for item in Query]


class MoveSerializer(serializers.ModelSerializer):
    class Meta:
        model = StreamingJobMove
        fields = ["before", "after", "reason", "at"]


class StreamingJobSerializer(serializers.ModelSerializer):
    version = serializers.IntegerField(
        source="version.number", allow_null=True, default=None, help_text="Number of the one that it was launched with."
    )
    moves = MoveSerializer(many=True, source="newest_moves", help_text="The 20 newest.")

    class Meta:
        model = StreamingJob
        fields = [
            "desired",
            "observed",
            "reason",
            "version",
            "generation",
            "fencing_token",
            "pid",
            "attempts",
            "launched_at",
            "heartbeat_at",
            "moves",
        ]


class StreamingJobView(ApiView):
    @extend_schema(operation_id="streaming_job_get", responses=StreamingJobSerializer)
    def get(self, request: Request, name: str) -> Response:
        return Response(StreamingJobSerializer(job_of(name)).data)


class Desire(ApiView):
    """Sets what is wanted, and answers before it is so."""

    desired: ClassVar[str]

    def post(self, request: Request, name: str) -> Response:
        job_desire(pipeline=name, desired=Desired(self.desired), actor=request.user, reason=self.reason(request))
        return Response(StreamingJobSerializer(job_of(name)).data, status=status.HTTP_202_ACCEPTED)


ASKED = {"request": ReasonSerializer, "responses": {202: StreamingJobSerializer}}


@extend_schema_view(post=extend_schema(operation_id="streaming_job_start", **ASKED))
class StartView(Desire):
    """Have the driver run. One that was given up is tried again."""

    desired = Desired.RUNNING


@extend_schema_view(post=extend_schema(operation_id="streaming_job_drain", **ASKED))
class DrainView(Desire):
    """Have the running batches end, and then the driver."""

    desired = Desired.STOPPED


class BatchSerializer(serializers.ModelSerializer):
    query = serializers.ChoiceField(QUERIES)

    class Meta:
        model = MicroBatch
        fields = ["query", "generation", "batch", "table_version", "rows_in", "seconds", "committed_at"]


class BatchQuerySerializer(StrictSerializer):
    query = serializers.ChoiceField(QUERIES, required=False)


@extend_schema_view(get=extend_schema(operation_id="batches_list"))
class BatchList(ListView):
    """Micro-batches that were committed, newest first."""

    query_serializer = BatchQuerySerializer
    serializer_class = BatchSerializer
    queryset = MicroBatch.objects.all()

    def get_queryset(self) -> QuerySet[MicroBatch]:
        pipeline = pipeline_named(self.kwargs["name"])
        return MicroBatch.objects.filter(pipeline=pipeline, **self.query).defer("event_times")
