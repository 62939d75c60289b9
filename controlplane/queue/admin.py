"""Workers, as they were heard of."""

from django.contrib import admin

from controlplane.core.admin import ReadOnlyAdmin
from controlplane.queue.models import WorkerHeartbeat


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["worker", "at"]
    ordering = ["-at"]
