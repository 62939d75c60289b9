"""Incidents, to be looked at: evidence opens and clears them."""

from django.contrib import admin

from controlplane.alerts.models import Incident
from controlplane.core.admin import ReadOnlyAdmin


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ["kind", "object", "cause", "opened_at", "cleared_at", "resolution"]
    list_filter = ["kind"]
    ordering = ["-pk"]
