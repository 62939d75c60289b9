"""Entries by batch and hour, and their running totals."""

from django.db import models

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
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "query", "generation", "batch", "measure", "hour", "detail"],
                name="ledger_entry_once",
            )
        ]
        indexes = [models.Index(fields=["pipeline", "measure", "recorded_at"], name="ledger_entry_recent")]


class LedgerTotal(models.Model):
    """The sum of all entries of a measure, kept in the transaction that changes them."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    measure = models.CharField(max_length=20)
    detail = models.CharField(max_length=255, blank=True)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "measure", "detail"], name="ledger_total_once")]
