"""A load of the windows that changed."""

from django.db import models

from controlplane.pipelines.models import Pipeline


class LoadStatus(models.TextChoices):
    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Load(models.Model):
    """`gold_seq` is the last Gold batch that the load reached; `latency` 101 quantiles in seconds of its readings.

    `held` has the Gold versions of batch runs whose rows it left out, because they had not passed what they must.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="loads")
    status = models.CharField(max_length=20, choices=LoadStatus, default=LoadStatus.REQUESTED)
    reason = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    committed_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True)
    gold_version = models.BigIntegerField(null=True)
    gold_seq = models.BigIntegerField(null=True)
    windows = models.PositiveBigIntegerField(default=0)
    readings = models.PositiveBigIntegerField(default=0)
    latency = models.JSONField(default=list)
    held = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["pipeline", "status", "-committed_at"], name="load_newest"),
            models.Index(fields=["pipeline", "status", "-gold_seq"], name="load_reached"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline"], condition=models.Q(status="requested"), name="load_requested_once"
            )
        ]

    def __str__(self) -> str:
        return f"load {self.pk}"
