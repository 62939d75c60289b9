"""Loads of the warehouse."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from controlplane.core.api.parsing import StrictSerializer
from controlplane.core.api.views import ListView
from controlplane.pipelines.selectors import pipeline_named
from controlplane.warehouse.models import Load, LoadStatus
from controlplane.warehouse.selectors import latency_of


class LoadLatencySerializer(serializers.Serializer):
    """Seconds from a reading's time to the commit that brought it to the warehouse."""

    p50 = serializers.FloatField()
    p95 = serializers.FloatField()
    p99 = serializers.FloatField()


class LoadSerializer(serializers.ModelSerializer):
    latency = serializers.SerializerMethodField()

    class Meta:
        model = Load
        fields = [
            "id",
            "status",
            "reason",
            "attempts",
            "requested_at",
            "started_at",
            "committed_at",
            "seconds",
            "gold_version",
            "windows",
            "readings",
            "latency",
        ]

    @extend_schema_field(LoadLatencySerializer(allow_null=True))
    def get_latency(self, load: Load) -> dict[str, Any] | None:
        """Null when it was the first to bring nothing."""
        return latency_of(load)


class LoadQuerySerializer(StrictSerializer):
    status = serializers.ChoiceField(LoadStatus.choices, required=False)


@extend_schema_view(get=extend_schema(operation_id="loads_list"))
class LoadList(ListView):
    """Loads, newest first."""

    query_serializer = LoadQuerySerializer
    serializer_class = LoadSerializer
    queryset = Load.objects.all()

    def get_queryset(self) -> QuerySet[Load]:
        return Load.objects.filter(pipeline=pipeline_named(self.kwargs["name"]), **self.query)
