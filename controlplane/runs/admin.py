"""Runs: what they did is shown, what is wanted is said by an action."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.core.admin import ReadOnlyAdmin, ReadOnlyInline
from controlplane.core.errors import DomainError
from controlplane.runs.models import Application, Attempt, LogChunk, Run, RunMove, Stage
from controlplane.runs.services import run_cancel, run_rerun, run_retry

REASON = "asked for on the admin's page"


class StageInline(ReadOnlyInline):
    model = Stage
    fields = ["name", "state", "rows_in", "rows_out", "detail", "cause", "started_at", "ended_at"]


class ApplicationInline(ReadOnlyInline):
    model = Application
    fields = ["number", "state", "stages", "pid", "code", "cause", "launched_at", "ended_at"]
    ordering = ["number"]


class RunMoveInline(ReadOnlyInline):
    model = RunMove
    fields = ["at", "before", "after", "reason"]
    ordering = ["-pk"]
    per_page = 20


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ["id", "pipeline", "kind", "state", "first_day", "last_day", "waiting", "created_at", "ended_at"]
    list_filter = ["kind", "state"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]
    inlines = [StageInline, ApplicationInline, RunMoveInline]
    actions = ["cancel", "retry", "rerun"]

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        self._ask(request, runs, run_cancel)

    @admin.action(description="Retry from the stage that did not succeed")
    def retry(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        self._ask(request, runs, run_retry)

    @admin.action(description="Run again")
    def rerun(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        self._ask(request, runs, run_rerun)

    def _ask(self, request: HttpRequest, runs: QuerySet[Run], command: Callable[..., Run]) -> None:
        for pk in runs.values_list("pk", flat=True):
            try:
                command(run_id=pk, actor=request.user, reason=REASON)
            except DomainError as error:
                self.message_user(request, str(error), messages.ERROR)


class AttemptInline(ReadOnlyInline):
    model = Attempt
    fields = ["number", "state", "rows_in", "rows_out", "cause", "started_at", "ended_at"]


@admin.register(Stage)
class StageAdmin(ReadOnlyAdmin):
    list_display = ["run", "name", "state", "rows_in", "rows_out", "started_at", "ended_at"]
    list_filter = ["name", "state"]
    list_select_related = ["run"]
    ordering = ["-pk"]
    inlines = [AttemptInline]


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ["stage", "number", "state", "rows_in", "rows_out", "cause", "started_at", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["stage__run"]
    ordering = ["-pk"]


@admin.register(RunMove)
class RunMoveAdmin(ReadOnlyAdmin):
    list_display = ["run", "before", "after", "reason", "at"]
    list_select_related = ["run"]
    ordering = ["-pk"]


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    list_display = ["run", "number", "state", "pid", "code", "cause", "launched_at", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["run"]
    ordering = ["-pk"]


@admin.register(LogChunk)
class LogChunkAdmin(ReadOnlyAdmin):
    list_display = ["application", "start"]
    list_select_related = ["application__run"]
    ordering = ["-pk"]
