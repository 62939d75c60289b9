"""The queue of tasks."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.views import ApiView
from controlplane.queue.selectors import queue_described


class QueueSerializer(serializers.Serializer):
    """What waits for workers, and who works. What is not known is null, never 0."""

    queue = serializers.CharField()
    answers = serializers.BooleanField(help_text="Whether Redis does.")
    length = serializers.IntegerField(allow_null=True)
    oldest_seconds = serializers.FloatField(allow_null=True, help_text="Null also where nothing waits.")
    unsent = serializers.IntegerField(help_text="Tasks that wait for Redis to take them.")
    workers = serializers.ListField(child=serializers.CharField(), help_text="Who took a canary in the last minute.")
    canary_seconds = serializers.FloatField(allow_null=True, help_text="Since the newest canary was taken.")


class QueueView(ApiView):
    @extend_schema(operation_id="queue_get", responses=QueueSerializer)
    def get(self, request: Request) -> Response:
        return Response(QueueSerializer(queue_described()).data)
