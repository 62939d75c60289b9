"""Backfills: how far they are is shown, what is wanted is said by an action."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.backfills.models import Backfill, BackfillMove, Slot
from controlplane.backfills.services import backfill_cancel, backfill_pause, backfill_resume, backfill_retry
from controlplane.core.admin import ReadOnlyAdmin, ReadOnlyInline
from controlplane.core.errors import DomainError

REASON = "asked for on the admin's page"


class SlotInline(ReadOnlyInline):
    model = Slot
    fields = ["position", "day", "state", "run"]
    ordering = ["position"]
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Slot]:
        return super().get_queryset(request).select_related("run")


class BackfillMoveInline(ReadOnlyInline):
    model = BackfillMove
    fields = ["at", "before", "after", "reason"]
    ordering = ["-pk"]
    per_page = 20


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    list_display = ["id", "pipeline", "state", "first_day", "last_day", "waiting", "created_at", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]
    inlines = [SlotInline, BackfillMoveInline]
    actions = ["pause", "resume", "cancel", "retry"]

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, backfills: QuerySet[Backfill]) -> None:
        self._ask(request, backfills, backfill_pause)

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, backfills: QuerySet[Backfill]) -> None:
        self._ask(request, backfills, backfill_resume)

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, backfills: QuerySet[Backfill]) -> None:
        self._ask(request, backfills, backfill_cancel)

    @admin.action(description="Retry the days that did not succeed")
    def retry(self, request: HttpRequest, backfills: QuerySet[Backfill]) -> None:
        self._ask(request, backfills, backfill_retry)

    def _ask(self, request: HttpRequest, backfills: QuerySet[Backfill], command: Callable[..., Backfill]) -> None:
        for pk in backfills.values_list("pk", flat=True):
            try:
                command(backfill_id=pk, actor=request.user, reason=REASON)
            except DomainError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ["backfill", "day", "position", "state", "run"]
    list_filter = ["state"]
    list_select_related = ["backfill", "run"]
    ordering = ["-pk"]


@admin.register(BackfillMove)
class BackfillMoveAdmin(ReadOnlyAdmin):
    list_display = ["backfill", "before", "after", "reason", "at"]
    list_select_related = ["backfill"]
    ordering = ["-pk"]
