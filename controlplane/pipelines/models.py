"""A pipeline, and what it was configured to do, version by version."""

from django.db import models


class Pipeline(models.Model):
    name = models.SlugField(max_length=100, unique=True)
    topic = models.CharField(max_length=249)
    topic_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class PipelineVersion(models.Model):
    """What a driver is started with; never changed, a change makes the next number.

    `configuration` holds settings of spark_jobs.contracts.ContinuousArguments by name; `sensor_types` the registry's
    types as they were.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    configuration = models.JSONField(default=dict)
    sensor_types = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pipeline", "-number"]
        constraints = [models.UniqueConstraint(fields=["pipeline", "number"], name="pipeline_version_number")]

    def __str__(self) -> str:
        return f"{self.pipeline} v{self.number}"
