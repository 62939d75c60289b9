"""The accounts, to be looked at: they are written from what was counted, and by nobody."""

from django.contrib import admin

from controlplane.core.admin import ReadOnlyAdmin
from controlplane.ledger.models import Inquiry, LedgerCheck, LedgerEntry, LedgerHour, LedgerTotal


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
class InquiryAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "kind", "status", "requested_at", "finished_at", "reason"]
    list_filter = ["kind", "status"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]
