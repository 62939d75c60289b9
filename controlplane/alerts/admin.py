"""Incidents, to be looked at: evidence opens and clears them."""

from django.contrib import admin

from controlplane.alerts.models import Incident, Notification
from controlplane.core.admin import ReadOnlyAdmin


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ["kind", "object", "cause", "opened_at", "cleared_at", "resolution"]
    list_filter = ["kind"]
    ordering = ["-pk"]


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["subject", "state", "attempts", "error", "created_at", "sent_at"]
    list_filter = ["state"]
    ordering = ["-pk"]
