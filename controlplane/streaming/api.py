"""The streaming job of a pipeline: what is wanted, what is known, and its batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.fields import FlagField, WholeField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.pipelines.selectors import pipeline_named
from controlplane.streaming.models import MicroBatch, StreamingJob, StreamingJobMove
from controlplane.streaming.preflight import Verdict
from controlplane.streaming.selectors import job_of, job_preflight
from controlplane.streaming.services import job_drain, job_restart, job_rollback, job_start, job_stop
from spark_jobs.contracts import Query

LARGEST_NUMBER = 2**31 - 1
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


class Command(ApiView):
    """Says what is wanted, and answers before it is so."""

    command: ClassVar[Callable[..., StreamingJob]]
    body: ClassVar[type[serializers.Serializer]] = ReasonSerializer

    def post(self, request: Request, name: str) -> Response:
        told = self.checked(self.body, request.data)
        type(self).command(pipeline=name, actor=request.user, **told)
        return Response(StreamingJobSerializer(job_of(name)).data, status=status.HTTP_202_ACCEPTED)


class LaunchSerializer(ReasonSerializer):
    accept = FlagField(
        default=False, help_text="Go on though the preflight says that it is not safe; the driver's own checks stay."
    )


class RollbackSerializer(LaunchSerializer):
    version = WholeField(min_value=1, max_value=LARGEST_NUMBER, help_text="Whose configuration is wanted.")


def asked(name: str, body: type[serializers.Serializer]) -> dict[str, Any]:
    return {"operation_id": f"streaming_job_{name}", "request": body, "responses": {202: StreamingJobSerializer}}


@extend_schema_view(post=extend_schema(**asked("start", LaunchSerializer)))
class StartView(Command):
    """Have the driver run. One that was given up is tried again."""

    command, body = job_start, LaunchSerializer


@extend_schema_view(post=extend_schema(**asked("drain", ReasonSerializer)))
class DrainView(Command):
    """Have the running batches end, and then the driver; one that takes too long is ended."""

    command = job_drain


@extend_schema_view(post=extend_schema(**asked("stop", ReasonSerializer)))
class StopView(Command):
    """End the driver at once. What its batches had not committed is done at the next start."""

    command = job_stop


@extend_schema_view(post=extend_schema(**asked("restart", LaunchSerializer)))
class RestartView(Command):
    """Have the driver drained and launched with the newest version, if the checkpoint allows that."""

    command, body = job_restart, LaunchSerializer


@extend_schema_view(post=extend_schema(**asked("rollback", RollbackSerializer)))
class RollbackView(Command):
    """Make a new version with an older one's configuration, and restart the job with it if it is wanted to run."""

    command, body = job_rollback, RollbackSerializer


class PreflightQuerySerializer(StrictSerializer):
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_NUMBER, help_text="The newest unless told."
    )


class PreflightSerializer(serializers.Serializer):
    verdict = serializers.ChoiceField(Verdict.choices)
    reasons = serializers.ListField(child=serializers.CharField())
    backfill_from = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="Offset by partition, for a new checkpoint."
    )


class PreflightView(ApiView):
    query_serializer = PreflightQuerySerializer

    @extend_schema(operation_id="streaming_job_preflight", responses=PreflightSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Whether the job may be restarted with a version on its checkpoint; asks the broker, changes nothing."""
        return Response(PreflightSerializer(job_preflight(name, self.query.get("version"))).data)


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
