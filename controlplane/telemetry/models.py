"""What telemetry leaves that belongs to no other app."""

from django.db import models


class ConsumedOffset(models.Model):
    """How far the collector has taken the telemetry topic, written in the transaction that took it."""

    topic = models.CharField(max_length=249)
    partition = models.PositiveIntegerField()
    next_offset = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "partition"], name="consumed_offset_once")]


class SimulatorState(models.Model):
    """The last report of a simulator."""

    simulator = models.CharField(max_length=255, unique=True)
    pipeline = models.CharField(max_length=100)
    counts = models.JSONField(default=dict)
    final = models.BooleanField(default=False)
    at = models.DateTimeField()
