"""The installation, its pipelines, their versions, and the registry's types as far as they change those."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer, extend_schema_view
from rest_framework import serializers, status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.parsing import ReasonSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.core.roles import Role
from controlplane.pipelines.configuration import SETTINGS, Setting
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.pipelines.selectors import pipeline_named, pipelines_described
from controlplane.pipelines.services import registry_change, version_make
from controlplane.sensors.api import SensorTypeSerializer, SensorTypeValuesSerializer
from controlplane.sensors.models import SensorType


class EnvironmentSerializer(serializers.Serializer):
    name = serializers.CharField()
    version = serializers.CharField()
    console_url = serializers.URLField()
    pipelines = serializers.ListField(child=serializers.CharField())
    time = serializers.DateTimeField()


class EnvironmentView(ApiView):
    @extend_schema(operation_id="environment_get", responses=EnvironmentSerializer)
    def get(self, request: Request) -> Response:
        """Which installation this is, and what time it is there."""
        described = {
            "name": settings.PENSTOCK["name"],
            "version": settings.VERSION,
            "console_url": request.build_absolute_uri("/"),
            "pipelines": list(Pipeline.objects.order_by("name").values_list("name", flat=True)),
            "time": timezone.now(),
        }
        return Response(EnvironmentSerializer(described).data)


def _field(setting: Setting) -> serializers.Field:
    kind = serializers.IntegerField if setting.whole else serializers.FloatField
    bounds = {"min_value": setting.least, "max_value": setting.greatest}
    text = f"{setting.description} {setting.default} unless set."
    return kind(required=False, help_text=text, **bounds)


@extend_schema_serializer(extensions={"x-partial": True})
class ConfigurationSerializer(serializers.Serializer):
    """What a version sets; the service checks it."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {name: _field(setting) for name, setting in SETTINGS.items()}


@extend_schema_field(ConfigurationSerializer)
class ConfigurationField(serializers.DictField):
    pass


class PipelineSerializer(serializers.ModelSerializer):
    version = serializers.IntegerField(allow_null=True, help_text="Number of the newest.")
    configuration = ConfigurationField(allow_null=True)

    class Meta:
        model = Pipeline
        fields = ["name", "topic", "created_at", "version", "configuration"]


@extend_schema_view(get=extend_schema(operation_id="pipelines_list"))
class PipelineList(ListView):
    serializer_class = PipelineSerializer
    queryset = Pipeline.objects.all()
    ordering = "name"

    def get_queryset(self) -> QuerySet[Pipeline]:
        return pipelines_described()


class PipelineDetail(ApiView):
    @extend_schema(operation_id="pipelines_get", responses=PipelineSerializer)
    def get(self, request: Request, name: str) -> Response:
        return Response(PipelineSerializer(get_object_or_404(pipelines_described(), name=name)).data)


class VersionSerializer(serializers.ModelSerializer):
    configuration = ConfigurationField()
    sensor_types = SensorTypeSerializer(many=True)

    class Meta:
        model = PipelineVersion
        fields = ["number", "configuration", "sensor_types", "created_at"]


class NewVersionSerializer(ReasonSerializer):
    configuration = ConfigurationField()


@extend_schema_view(get=extend_schema(operation_id="pipeline_versions_list"))
class VersionList(ListView):
    """The pipeline's versions, newest first. A version never changes."""

    serializer_class = VersionSerializer
    queryset = PipelineVersion.objects.all()
    ordering = "-number"

    def get_queryset(self) -> QuerySet[PipelineVersion]:
        return PipelineVersion.objects.filter(pipeline=pipeline_named(self.kwargs["name"]))

    @extend_schema(
        operation_id="pipeline_versions_create",
        request=NewVersionSerializer,
        responses={200: VersionSerializer, 201: VersionSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Configure the pipeline; 200 when its newest version says just that. A driver follows at its next launch."""
        given = self.checked(NewVersionSerializer, request.data)
        version, made = version_make(pipeline=name, actor=request.user, **given)
        return Response(VersionSerializer(version).data, status=status.HTTP_201_CREATED if made else status.HTTP_200_OK)


class VersionDetail(ApiView):
    @extend_schema(operation_id="pipeline_versions_get", responses=VersionSerializer)
    def get(self, request: Request, name: str, number: int) -> Response:
        version = get_object_or_404(PipelineVersion, pipeline=pipeline_named(name), number=number)
        return Response(VersionSerializer(version).data)


class SensorTypeDetail(ApiView):
    write_role = Role.ADMINISTRATOR

    @extend_schema(operation_id="sensor_types_get", responses=SensorTypeSerializer)
    def get(self, request: Request, name: str) -> Response:
        return Response(SensorTypeSerializer(get_object_or_404(SensorType, name=name)).data)

    @extend_schema(
        operation_id="sensor_types_set",
        request=SensorTypeValuesSerializer,
        responses={200: SensorTypeSerializer, 201: SensorTypeSerializer},
    )
    def put(self, request: Request, name: str) -> Response:
        """Make or change a type; every pipeline gets a version that has it."""
        values: dict[str, Any] = self.checked(SensorTypeValuesSerializer, request.data)
        reason = values.pop("reason")
        kind, made = registry_change(name=name, values=values, actor=request.user, reason=reason)
        return Response(SensorTypeSerializer(kind).data, status=status.HTTP_201_CREATED if made else status.HTTP_200_OK)
