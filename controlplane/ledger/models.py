"""Entries by batch and hour, their running totals, what was found to be out of balance, and inquiries."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from controlplane.ledger.states import InquiryKind, InquiryStatus
from controlplane.pipelines.models import Pipeline


class LedgerEntry(models.Model):
    """What one batch or load counted for one hour. Told again, it is replaced, so nothing counts twice."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    query = models.CharField(max_length=20)
    generation = models.PositiveIntegerField()
    batch = models.PositiveBigIntegerField()
    hour = models.BigIntegerField()
    measure = models.CharField(max_length=20)
    detail = models.CharField(max_length=255, blank=True)
    count = models.BigIntegerField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "query", "generation", "batch", "measure", "hour", "detail"],
                name="ledger_entry_once",
            )
        ]
        indexes = [
            models.Index(fields=["pipeline", "measure", "recorded_at"], name="ledger_entry_recent"),
            models.Index(fields=["pipeline", "measure", "-id"], name="ledger_entry_pages"),
        ]

    def __str__(self) -> str:
        return f"{self.measure} of {self.query} batch {self.batch}"


class LedgerTotal(models.Model):
    """The sum of all entries of a measure, kept in the transaction that changes them."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    measure = models.CharField(max_length=20)
    detail = models.CharField(max_length=255, blank=True)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "measure", "detail"], name="ledger_total_once")]

    def __str__(self) -> str:
        return f"{self.measure} {self.detail} of {self.pipeline}"


class LedgerHour(models.Model):
    """The sum of all entries of a measure and hour (its start, in seconds since the epoch), kept like the totals."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    hour = models.BigIntegerField()
    measure = models.CharField(max_length=20)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "hour", "measure"], name="ledger_hour_once")]

    def __str__(self) -> str:
        return f"{self.measure} of {self.pipeline} at {self.hour}"


class LedgerCheck(models.Model):
    """What the newest look at a pipeline's equations found: by equation, the difference in each hour."""

    pipeline = models.OneToOneField(Pipeline, on_delete=models.CASCADE, related_name="+")
    found = models.JSONField(default=dict)
    checked_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"check of {self.pipeline}"


class Inquiry(models.Model):
    """A question that a worker answers from Kafka, lake and warehouse. `asked_at` is when it was last queued."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="inquiries")
    kind = models.CharField(max_length=20, choices=InquiryKind, default=InquiryKind.RECOUNT)
    question = models.JSONField(default=dict)
    status = models.CharField(max_length=20, choices=InquiryStatus, default=InquiryStatus.REQUESTED)
    reason = models.TextField(blank=True)
    requested_at = models.DateTimeField(auto_now_add=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name_plural = "inquiries"
        constraints = [
            # A recount reads everything there is: asking for it a hundred times asks for it once.
            models.UniqueConstraint(
                fields=["pipeline"],
                condition=models.Q(kind="recount", status="requested"),
                name="recount_requested_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["status"], name="inquiry_active", condition=~models.Q(status__in=["failed", "succeeded"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} of {self.pipeline}"
