"""The accounts, to be looked at: they are written from what was counted, and by nobody. Questions may be asked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.core.admin import ReadOnlyAdmin, ServiceAdmin
from controlplane.ledger.forms import InquiryForm
from controlplane.ledger.models import Inquiry, LedgerCheck, LedgerEntry, LedgerHour, LedgerTotal
from controlplane.ledger.services import inquiry_request, recount_request
from controlplane.ledger.states import InquiryKind


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "query", "generation", "batch", "hour", "measure", "detail", "count", "recorded_at"]
    list_filter = ["query", "measure"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]


@admin.register(LedgerTotal)
class LedgerTotalAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "measure", "detail", "count"]
    list_select_related = ["pipeline"]


@admin.register(LedgerHour)
class LedgerHourAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "hour", "measure", "count"]
    list_filter = ["measure"]
    list_select_related = ["pipeline"]
    ordering = ["-hour", "measure"]


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "checked_at"]
    list_select_related = ["pipeline"]


@admin.register(Inquiry)
class InquiryAdmin(ServiceAdmin):
    """What is asked is answered by a worker; the answer is on the inquiry's page."""

    form = InquiryForm
    list_display = ["id", "pipeline", "kind", "status", "requested_at", "finished_at", "reason"]
    list_filter = ["kind", "status"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]

    def get_fields(self, request: HttpRequest, obj: Inquiry | None = None) -> list[str]:
        if obj is None:
            return ["pipeline", "kind", *InquiryForm.QUESTION]
        return [field.name for field in Inquiry._meta.fields if field.name != "id"]

    def has_change_permission(self, request: HttpRequest, obj: Inquiry | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Inquiry, form: InquiryForm, change: bool) -> None:
        if obj.kind == InquiryKind.RECOUNT:
            obj.pk = recount_request(pipeline=obj.pipeline.name, actor=request.user).pk
        else:
            question: dict[str, Any] = form.question()
            obj.pk = inquiry_request(pipeline=obj.pipeline.name, kind=obj.kind, question=question).pk
