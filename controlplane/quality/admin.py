"""Suites, which a service gives versions; and what evaluations found, which is only looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin import ReadOnlyAdmin, ReadOnlyInline, ServiceAdmin
from controlplane.core.errors import DomainError
from controlplane.quality.forms import SuiteForm
from controlplane.quality.models import DayProfile, ExpectationResult, Suite, SuiteEvaluation, SuiteVersion
from controlplane.quality.services import suite_create, suite_save, suite_switch

REASON = "asked for on the admin's page"


class SuiteVersionInline(ReadOnlyInline):
    model = SuiteVersion
    fields = ["number", "layer", "severity", "expectations", "made_by", "made_at", "reason"]
    ordering = ["-number"]
    per_page = 20


@admin.register(Suite)
class SuiteAdmin(ServiceAdmin):
    """A change makes a new version."""

    form = SuiteForm
    fields = ["pipeline", "name", "layer", "severity", "expectations", "reason"]
    list_display = ["pipeline", "name", "enabled", "created_at"]
    list_filter = ["enabled"]
    list_select_related = ["pipeline"]
    inlines = [SuiteVersionInline]
    actions = ["enable", "disable"]

    def get_readonly_fields(self, request: HttpRequest, obj: Suite | None = None) -> list[str]:
        return ["pipeline", "name"] if obj else []

    def save_model(self, request: HttpRequest, obj: Suite, form: SuiteForm, change: bool) -> None:
        told: dict[str, Any] = {"pipeline": obj.pipeline.name, "name": obj.name, "values": form.values}
        told |= {"actor": request.user, "reason": form.cleaned_data["reason"]}
        version = suite_save(**told)[0] if change else suite_create(**told)
        obj.pk = version.suite_id

    @admin.action(description="Enable")
    def enable(self, request: HttpRequest, suites: QuerySet[Suite]) -> None:
        self._switch(request, suites, enabled=True)

    @admin.action(description="Disable")
    def disable(self, request: HttpRequest, suites: QuerySet[Suite]) -> None:
        self._switch(request, suites, enabled=False)

    def _switch(self, request: HttpRequest, suites: QuerySet[Suite], *, enabled: bool) -> None:
        for pipeline, name in suites.values_list("pipeline__name", "name"):
            try:
                suite_switch(pipeline=pipeline, name=name, enabled=enabled, actor=request.user, reason=REASON)
            except DomainError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(SuiteVersion)
class SuiteVersionAdmin(ReadOnlyAdmin):
    list_display = ["suite", "number", "layer", "severity", "made_by", "made_at", "reason"]
    list_filter = ["layer", "severity"]
    list_select_related = ["suite", "made_by"]
    ordering = ["-pk"]


class ResultInline(ReadOnlyInline):
    model = ExpectationResult
    fields = ["position", "type", "arguments", "verdict", "observed", "unexpected", "message"]
    ordering = ["position"]
    per_page = 50


@admin.register(SuiteEvaluation)
class SuiteEvaluationAdmin(ReadOnlyAdmin):
    list_display = ["id", "suite", "run", "start", "end", "verdict", "rows", "seconds", "evaluated_at"]
    list_filter = ["verdict"]
    list_select_related = ["suite"]
    ordering = ["-pk"]
    inlines = [ResultInline]


@admin.register(ExpectationResult)
class ExpectationResultAdmin(ReadOnlyAdmin):
    list_display = ["evaluation", "position", "type", "verdict", "unexpected", "message"]
    list_filter = ["verdict"]
    list_select_related = ["evaluation__suite"]
    ordering = ["-pk"]


@admin.register(DayProfile)
class DayProfileAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "day", "sensor_type", "readings", "null_share", "mean", "spread"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]
