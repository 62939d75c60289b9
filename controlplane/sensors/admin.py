"""Sensors, as they were seen. `controlplane.pipelines.admin` has their types."""

from django.contrib import admin

from controlplane.core.admin import ReadOnlyAdmin
from controlplane.sensors.models import Sensor


@admin.register(Sensor)
class SensorAdmin(ReadOnlyAdmin):
    list_display = ["sensor_id", "type_name", "unit", "location", "expected_interval_seconds", "updated_at"]
    list_filter = ["sensor_type"]
    search_fields = ["search__contains"]
