"""Streaming jobs: what is observed is shown, what is wanted is said by an action."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin import ReadOnlyAdmin, ReadOnlyInline
from controlplane.streaming.models import MicroBatch, PartitionProgress, StreamingJob, StreamingJobMove
from controlplane.streaming.services import job_desire
from controlplane.streaming.states import Desired

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
    actions = ["start", "drain"]

    @admin.action(description="Start")
    def start(self, request: HttpRequest, jobs: QuerySet[StreamingJob]) -> None:
        self._desire(request, jobs, Desired.RUNNING)

    @admin.action(description="Drain")
    def drain(self, request: HttpRequest, jobs: QuerySet[StreamingJob]) -> None:
        self._desire(request, jobs, Desired.STOPPED)

    def _desire(self, request: HttpRequest, jobs: QuerySet[StreamingJob], desired: str) -> None:
        for name in jobs.values_list("pipeline__name", flat=True):
            job_desire(pipeline=name, desired=Desired(desired), actor=request.user, reason=REASON)


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
