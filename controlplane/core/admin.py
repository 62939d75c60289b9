"""What the admin's pages have in common: they show; where something may be changed, a service does it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django_celery_beat import models as beat
from unfold.admin import ModelAdmin, TabularInline

from controlplane.core.errors import DomainError
from controlplane.core.models import Outbox

# A form that has any task sent with any arguments is no part of this; the schedule is in the settings.
for model in (beat.PeriodicTask, beat.IntervalSchedule, beat.CrontabSchedule, beat.SolarSchedule, beat.ClockedSchedule):
    admin.site.unregister(model)


class CarefulAdmin(ModelAdmin):
    """Lists that are asked for what no column can hold, or for more than their filters offer, say so and ask nobody."""

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """By its filters alone: by the beginning of a digest or of a password's hash, either could be guessed."""
        name, _, how = lookup.partition("__")
        return name in self.get_list_filter(request) and how in ("", "exact", "in", "isnull", "id__exact")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        if any("\0" in text for texts in request.GET.lists() for text in texts[1]):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            for text in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(text)
        except ValidationError as error:
            raise SuspiciousOperation("a row was selected that is none") from error
        return super().changelist_view(request, extra_context)


def search(request: HttpRequest) -> HttpResponse:
    """The site's search, which takes the number of a page for one that there is."""
    try:
        return admin.site.search(request)
    except (ValueError, InvalidPage) as error:
        raise Http404 from error


class Shown:
    """May be looked at, whoever looks."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(Shown, CarefulAdmin):
    show_full_result_count = False  # of a million rows, to show fifty


class ReadOnlyInline(Shown, TabularInline):
    extra = 0

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.fields


class ServiceAdmin(CarefulAdmin):
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
