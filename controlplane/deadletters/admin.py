"""Dead letters, to be looked at: what is made of them is said over the API."""

from django.contrib import admin

from controlplane.core.admin import ReadOnlyAdmin
from controlplane.deadletters.models import DeadLetter, DeadLetterGroup, Discard, ExpiryWarning, IndexMark, Redrive


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


@admin.register(Redrive)
class RedriveAdmin(ReadOnlyAdmin):
    list_display = ["id", "pipeline", "state", "claimed", "sent", "left", "reason", "created_at", "ended_at"]
    list_filter = ["state"]
    list_select_related = ["pipeline"]
    ordering = ["-pk"]


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
