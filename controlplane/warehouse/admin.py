"""Loads of the warehouse."""

from django.contrib import admin

from controlplane.core.admin import ReadOnlyAdmin
from controlplane.warehouse.models import Load


@admin.register(Load)
class LoadAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "status", "requested_at", "committed_at", "seconds", "windows", "readings", "reason"]
    list_filter = ["status"]
    list_select_related = ["pipeline"]
    exclude = ["latency"]
    ordering = ["-pk"]
