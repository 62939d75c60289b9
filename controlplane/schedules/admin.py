"""Schedules, which a service changes; slots, which evidence does; and how fresh tables have to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin import ReadOnlyAdmin, ReadOnlyInline, ServiceAdmin
from controlplane.core.errors import DomainError
from controlplane.core.forms import ReasonForm
from controlplane.schedules.models import Schedule, Slot, TableFreshness
from controlplane.schedules.services import (
    freshness_set,
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_run,
    schedule_switch,
)
from controlplane.schedules.services.commands import FIELDS

REASON = "asked for on the admin's page"


class SlotInline(ReadOnlyInline):
    model = Slot
    fields = ["due_at", "state", "reason", "run", "created_at"]
    ordering = ["-due_at"]
    per_page = 20


@admin.register(Schedule)
class ScheduleAdmin(ServiceAdmin):
    form = ReasonForm
    fields = ["pipeline", "name", *FIELDS, "reason"]
    list_display = ["pipeline", "name", "kind", "cron", "interval_seconds", "timezone", "enabled", "next_due_at"]
    list_select_related = ["pipeline"]
    inlines = [SlotInline]
    actions = ["run", "enable", "disable", "remove"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        return super().get_queryset(request).filter(deleted_at=None)

    def get_readonly_fields(self, request: HttpRequest, obj: Schedule | None = None) -> list[str]:
        return ["pipeline", "name"] if obj else []

    def save_model(self, request: HttpRequest, obj: Schedule, form: ReasonForm, change: bool) -> None:
        told: dict[str, Any] = {"pipeline": obj.pipeline.name, "name": obj.name, "actor": request.user}
        told["values"] = {field: getattr(obj, field) for field in FIELDS}
        saved = (schedule_change if change else schedule_create)(**told, reason=form.cleaned_data["reason"])
        obj.pk = saved.pk

    @admin.action(description="Run now")
    def run(self, request: HttpRequest, schedules: QuerySet[Schedule]) -> None:
        self._ask(request, schedules, schedule_run)

    @admin.action(description="Enable")
    def enable(self, request: HttpRequest, schedules: QuerySet[Schedule]) -> None:
        self._ask(request, schedules, schedule_switch, enabled=True)

    @admin.action(description="Disable")
    def disable(self, request: HttpRequest, schedules: QuerySet[Schedule]) -> None:
        self._ask(request, schedules, schedule_switch, enabled=False)

    @admin.action(description="Delete")
    def remove(self, request: HttpRequest, schedules: QuerySet[Schedule]) -> None:
        self._ask(request, schedules, schedule_delete)

    def _ask(
        self, request: HttpRequest, schedules: QuerySet[Schedule], command: Callable[..., Any], **told: Any
    ) -> None:
        for pipeline, name in schedules.values_list("pipeline__name", "name"):
            try:
                command(pipeline=pipeline, name=name, actor=request.user, reason=REASON, **told)
            except DomainError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ["schedule", "due_at", "state", "reason", "run", "created_at"]
    list_filter = ["state"]
    list_select_related = ["schedule", "run"]
    ordering = ["-pk"]


@admin.register(TableFreshness)
class TableFreshnessAdmin(ServiceAdmin):
    form = ReasonForm
    fields = ["pipeline", "table", "limit_minutes", "reason"]
    list_display = ["pipeline", "table", "limit_minutes"]
    list_select_related = ["pipeline"]

    def get_readonly_fields(self, request: HttpRequest, obj: TableFreshness | None = None) -> list[str]:
        return ["pipeline", "table"] if obj else []

    def save_model(self, request: HttpRequest, obj: TableFreshness, form: ReasonForm, change: bool) -> None:
        rows = TableFreshness.objects.filter(pipeline=obj.pipeline)
        limits = dict(rows.values_list("table", "limit_minutes")) | {obj.table: obj.limit_minutes}
        reason = form.cleaned_data["reason"]
        freshness_set(pipeline=obj.pipeline.name, limits=limits, actor=request.user, reason=reason)
        obj.pk = rows.get(table=obj.table).pk
