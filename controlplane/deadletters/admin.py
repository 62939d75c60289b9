"""Dead letters, to be looked at one by one, and to be redriven, discarded and reopened by the group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from controlplane.core.admin import ReadOnlyAdmin
from controlplane.core.errors import DomainError
from controlplane.core.text import is_line
from controlplane.deadletters.models import DeadLetter, DeadLetterGroup, Discard, ExpiryWarning, IndexMark, Redrive
from controlplane.deadletters.services import letters_discard, letters_reopen, redrive_cancel, redrive_request


class LettersForm(ActionForm):
    """Why, and for a redrive by which mapping."""

    reason = forms.CharField(max_length=500, required=False, widget=UnfoldAdminTextInputWidget)
    mapping = forms.JSONField(required=False, widget=UnfoldAdminTextareaWidget({"rows": 1, "placeholder": "[]"}))


def _told(request: HttpRequest) -> dict[str, Any]:
    """What stands beside the action. Raises ValueError with what is wrong with it."""
    form = LettersForm(request.POST)
    form.fields.pop("action")
    if not form.is_valid():
        raise ValueError("; ".join(f"{name}: {' '.join(words)}" for name, words in form.errors.items()))
    if not is_line(form.cleaned_data["reason"]):
        raise ValueError("reason: one line is needed")
    return dict(form.cleaned_data)


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    list_display = ["id", "pipeline", "topic", "partition", "offset", "reason", "status", "again", "kafka_timestamp"]
    list_filter = ["status", "reason", "again"]
    list_select_related = ["pipeline"]
    exclude = ["key", "payload"]
    ordering = ["-pk"]


@admin.register(DeadLetterGroup)
class DeadLetterGroupAdmin(ReadOnlyAdmin):
    list_display = ["id", "pipeline", "reason", "shape"]
    list_filter = ["reason"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]
    action_form = LettersForm
    actions = ["redrive", "discard", "reopen"]

    @admin.action(description="Redrive, mended by the mapping")
    def redrive(self, request: HttpRequest, groups: QuerySet[DeadLetterGroup]) -> None:
        self._ask(request, groups, redrive_request, "mapping")

    @admin.action(description="Discard")
    def discard(self, request: HttpRequest, groups: QuerySet[DeadLetterGroup]) -> None:
        self._ask(request, groups, letters_discard)

    @admin.action(description="Take a discard back")
    def reopen(self, request: HttpRequest, groups: QuerySet[DeadLetterGroup]) -> None:
        self._ask(request, groups, letters_reopen)

    def _ask(
        self, request: HttpRequest, groups: QuerySet[DeadLetterGroup], command: Callable[..., Any], *names: str
    ) -> None:
        try:
            told = _told(request)
        except ValueError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        wanted = {name: told[name] for name in ("reason", *names)}
        for group in groups.select_related("pipeline"):
            try:
                command(pipeline=group.pipeline.name, actor=request.user, group=group.pk, **wanted)
            except DomainError as error:
                self.message_user(request, f"group {group.pk}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"group {group.pk}: done", messages.SUCCESS)


@admin.register(Redrive)
class RedriveAdmin(ReadOnlyAdmin):
    list_display = ["id", "pipeline", "state", "claimed", "sent", "left", "reason", "created_at", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]
    actions = ["cancel"]

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, redrives: QuerySet[Redrive]) -> None:
        for pk in redrives.values_list("pk", flat=True):
            try:
                redrive_cancel(redrive_id=pk, actor=request.user, reason="asked for on the admin's page")
            except DomainError as error:
                self.message_user(request, str(error), messages.ERROR)


@admin.register(Discard)
class DiscardAdmin(ReadOnlyAdmin):
    list_display = ["id", "pipeline", "reason", "requested_by", "created_at"]
    list_select_related = ["pipeline", "requested_by"]
    ordering = ["-pk"]


@admin.register(IndexMark)
class IndexMarkAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "ingest_seq", "expiry", "moved_at"]
    list_select_related = ["pipeline"]
    ordering = ["pk"]


@admin.register(ExpiryWarning)
class ExpiryWarningAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "day", "warned_at"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]
