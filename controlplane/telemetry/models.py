"""What telemetry leaves that belongs to no other app."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.metrics import Metric, Resolution
from controlplane.telemetry.states import SimulatorDesired
from spark_jobs.contracts import SimulatorActivity


class ConsumedOffset(models.Model):
    """How far the collector has taken the telemetry topic, written in the transaction that took it."""

    topic = models.CharField(max_length=249)
    partition = models.PositiveIntegerField()
    next_offset = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "partition"], name="consumed_offset_once")]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Rollup(models.Model):
    """What a metric came to in one bucket; `bucket` is its start in seconds since the epoch.

    A rate has its `sum` alone. A gauge's mean is `sum` by `weight`, between `least` and `greatest`.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    metric = models.CharField(max_length=20, choices=[(item.value, item.value) for item in Metric])
    label = models.CharField(max_length=255, blank=True)
    resolution = models.PositiveIntegerField(choices=[(item.value, f"{item.value} s") for item in Resolution])
    bucket = models.BigIntegerField()
    sum = models.FloatField()
    weight = models.FloatField()
    least = models.FloatField(null=True)
    greatest = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "metric", "resolution", "bucket", "label"], name="rollup_bucket_once"
            )
        ]
        indexes = [models.Index(fields=["resolution", "bucket"], name="rollup_oldest")]

    def __str__(self) -> str:
        return f"{self.metric} {self.label} of {self.pipeline} at {self.bucket}"


class LiveState(models.Model):
    """The newest state of a live topic, as it was published; `seq` counts the messages."""

    topic = models.CharField(max_length=200, unique=True)
    seq = models.PositiveBigIntegerField(default=0)
    at = models.DateTimeField()
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    def __str__(self) -> str:
        return f"{self.topic} {self.seq}"


class SimulatorState(models.Model):
    """The last report of a simulator."""

    simulator = models.CharField(max_length=255, unique=True)
    pipeline = models.CharField(max_length=100, db_index=True)
    counts = models.JSONField(default=dict)
    activity = models.CharField(max_length=20, choices=[(item.value, item.value) for item in SimulatorActivity])
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.simulator


class SimulatorControl(models.Model):
    """What a pipeline's controlled simulators are wanted to do, and when they were told; null is not told yet."""

    pipeline = models.OneToOneField(Pipeline, on_delete=models.CASCADE, related_name="simulator_control")
    desired = models.CharField(max_length=20, choices=SimulatorDesired, default=SimulatorDesired.RUNNING)
    changed_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"simulator of {self.pipeline}: {self.desired}"
