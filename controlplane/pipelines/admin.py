"""Pipelines and their versions, which never change, and the sensor types that versions are made of."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from controlplane.core.admin import ReadOnlyAdmin, ReadOnlyInline, ServiceAdmin
from controlplane.core.forms import ReasonForm
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.pipelines.services import TYPE_FIELDS, registry_change
from controlplane.sensors.models import SensorType


class VersionInline(ReadOnlyInline):
    model = PipelineVersion
    fields = ["number", "configuration", "created_at"]
    show_change_link = True


@admin.register(Pipeline)
class PipelineAdmin(ReadOnlyAdmin):
    list_display = ["name", "topic", "created_at"]
    inlines = [VersionInline]


@admin.register(PipelineVersion)
class PipelineVersionAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "number", "configuration", "created_at"]
    list_select_related = ["pipeline"]


@admin.register(SensorType)
class SensorTypeAdmin(ServiceAdmin):
    """A change makes a new version of every pipeline."""

    form = ReasonForm
    fields = [*TYPE_FIELDS, "reason"]
    list_display = TYPE_FIELDS

    def get_readonly_fields(self, request: HttpRequest, obj: SensorType | None = None) -> list[str]:
        return ["name"] if obj else []

    def save_model(self, request: HttpRequest, obj: SensorType, form: ReasonForm, change: bool) -> None:
        values = {name: getattr(obj, name) for name in TYPE_FIELDS if name != "name"}
        reason = form.cleaned_data["reason"]
        kind, _ = registry_change(name=obj.name, values=values, actor=request.user, reason=reason)
        obj.pk = kind.pk
