"""Sensor types and sensors. `controlplane.pipelines.api` changes a type, since that makes versions of pipelines."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from controlplane.core.api.fields import LineField, NumberField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ListView
from controlplane.sensors.models import Sensor, SensorType


class SensorTypeSerializer(serializers.ModelSerializer):
    class Meta:
        model = SensorType
        fields = [
            "name",
            "unit",
            "normal_low",
            "normal_high",
            "physical_low",
            "physical_high",
            "expected_interval_seconds",
        ]


class SensorTypeValuesSerializer(ReasonSerializer):
    """A type without its name. Ranges are in its unit, both ends included."""

    unit = LineField(max_length=50)
    normal_low = NumberField()
    normal_high = NumberField()
    physical_low = NumberField()
    physical_high = NumberField()
    expected_interval_seconds = NumberField(min_value=0.001, max_value=30 * 86400)


@extend_schema_view(get=extend_schema(operation_id="sensor_types_list"))
class SensorTypeList(ListView):
    """The types that the registry knows."""

    serializer_class = SensorTypeSerializer
    queryset = SensorType.objects.all()
    ordering = "name"


class SensorSerializer(serializers.ModelSerializer):
    class Meta:
        model = Sensor
        fields = [
            "sensor_id",
            "type_name",
            "unit",
            "location",
            "expected_interval_seconds",
            "first_seen_at",
            "updated_at",
        ]


class SensorQuerySerializer(StrictSerializer):
    search = serializers.CharField(
        max_length=100, required=False, help_text="A part of the sensor's id or of its location."
    )
    type = serializers.CharField(max_length=255, required=False, help_text="The type that it names.")
    location = serializers.CharField(max_length=255, required=False)


@extend_schema_view(get=extend_schema(operation_id="sensors_list"))
class SensorList(ListView):
    """The sensors that were ever seen, by id."""

    query_serializer = SensorQuerySerializer
    serializer_class = SensorSerializer
    queryset = Sensor.objects.all()
    ordering = "sensor_id"

    def get_queryset(self) -> QuerySet[Sensor]:
        found = Sensor.objects.all()
        if text := self.query.get("search"):
            found = found.filter(search__contains=text.lower())
        if kind := self.query.get("type"):
            found = found.filter(type_name=kind)
        if location := self.query.get("location"):
            found = found.filter(location=location)
        return found
