"""What the admin's pages have in common: they show; where something may be changed, a service does it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_celery_beat import models as beat
from unfold.admin import ModelAdmin, TabularInline

from controlplane.core.errors import DomainError
from controlplane.core.models import Outbox

# A form that has any task sent with any arguments is no part of this; the schedule is in the settings.
for model in (beat.PeriodicTask, beat.IntervalSchedule, beat.CrontabSchedule, beat.SolarSchedule, beat.ClockedSchedule):
    admin.site.unregister(model)


class Shown:
    """May be looked at, whoever looks."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(Shown, ModelAdmin):
    show_full_result_count = False  # of a million rows, to show fifty


class ReadOnlyInline(Shown, TabularInline):
    extra = 0

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.fields


class ServiceAdmin(ModelAdmin):
    """Its `save_model` calls a service. What that refuses is a message, and nothing was changed."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ["task", "arguments", "created_at", "sent_at"]
    list_filter = ["task"]
