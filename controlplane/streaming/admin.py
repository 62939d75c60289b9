"""Streaming jobs: what is observed is shown, what is wanted is said by an action."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin import ReadOnlyAdmin, ReadOnlyInline
from controlplane.core.errors import DomainError
from controlplane.streaming.models import MicroBatch, PartitionProgress, StreamingJob, StreamingJobMove
from controlplane.streaming.services import job_drain, job_restart, job_start, job_stop

REASON = "asked for on the admin's page"


class MoveInline(ReadOnlyInline):
    model = StreamingJobMove
    fields = ["at", "before", "after", "reason"]
    ordering = ["-pk"]
    per_page = 20


@admin.register(StreamingJob)
class StreamingJobAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "desired", "observed", "reason", "heartbeat_at"]
    list_select_related = ["pipeline"]
    inlines = [MoveInline]
    actions = ["start", "drain", "stop", "restart"]

    @admin.action(description="Start")
    def start(self, request: HttpRequest, jobs: QuerySet[StreamingJob]) -> None:
        self._ask(request, jobs, job_start)

    @admin.action(description="Drain")
    def drain(self, request: HttpRequest, jobs: QuerySet[StreamingJob]) -> None:
        self._ask(request, jobs, job_drain)

    @admin.action(description="Stop now")
    def stop(self, request: HttpRequest, jobs: QuerySet[StreamingJob]) -> None:
        self._ask(request, jobs, job_stop)

    @admin.action(description="Restart")
    def restart(self, request: HttpRequest, jobs: QuerySet[StreamingJob]) -> None:
        self._ask(request, jobs, job_restart)

    def _ask(self, request: HttpRequest, jobs: QuerySet[StreamingJob], command: Callable[..., StreamingJob]) -> None:
        for name in jobs.values_list("pipeline__name", flat=True):
            try:
                command(pipeline=name, actor=request.user, reason=REASON)
            except DomainError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(StreamingJobMove)
class StreamingJobMoveAdmin(ReadOnlyAdmin):
    list_display = ["job", "before", "after", "reason", "at"]
    list_select_related = ["job__pipeline"]
    ordering = ["-pk"]


@admin.register(MicroBatch)
class MicroBatchAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "query", "generation", "batch", "rows_in", "seconds", "committed_at"]
    list_filter = ["query"]
    list_select_related = ["pipeline"]
    exclude = ["event_times"]
    ordering = ["-pk"]


@admin.register(PartitionProgress)
class PartitionProgressAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "partition", "next_offset", "read_at", "end_offset", "end_at"]
    list_select_related = ["pipeline"]
