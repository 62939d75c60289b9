"""The streaming job of a pipeline, its history, its batches, and how far ingest has read."""

from django.db import models

from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.streaming.states import Desired, Ending, Observed


class StreamingJob(models.Model):
    """Desired changes by people, observed by evidence alone. The fencing token counts launches."""

    pipeline = models.OneToOneField(Pipeline, on_delete=models.PROTECT, related_name="streaming_job")
    version = models.ForeignKey(PipelineVersion, null=True, on_delete=models.PROTECT, related_name="+")
    desired = models.CharField(max_length=20, choices=Desired, default=Desired.STOPPED)
    ending = models.CharField(max_length=20, choices=Ending, default=Ending.DRAIN)
    observed = models.CharField(max_length=20, choices=Observed, default=Observed.STOPPED)
    reason = models.TextField(blank=True)
    last_words = models.TextField(blank=True)  # what the driver of the present launch reported of its end
    generation = models.PositiveIntegerField(default=1)
    fencing_token = models.PositiveBigIntegerField(default=0)
    restart_token = models.PositiveBigIntegerField(null=True)  # the launch that a restart was asked of
    run_tag = models.CharField(max_length=64, blank=True)
    pid = models.PositiveIntegerField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    launched_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    drain_asked_at = models.DateTimeField(null=True)
    marks = models.JSONField(default=dict)  # of each query, where it was last seen to be going on

    @property
    def is_to_end(self) -> bool:
        """Whether the driver of the present launch is to end; after a restart the next launch is another."""
        return self.desired == Desired.STOPPED or self.restart_token == self.fencing_token

    @property
    def path(self) -> str:
        """What the audit log and incidents call it."""
        return f"pipeline/{self.pipeline.name}/streaming-job"

    def __str__(self) -> str:
        return f"streaming job of {self.pipeline}"


class StreamingJobMove(models.Model):
    """A state that was left for another, and why."""

    job = models.ForeignKey(StreamingJob, on_delete=models.CASCADE, related_name="moves")
    before = models.CharField(max_length=20, choices=Observed)
    after = models.CharField(max_length=20, choices=Observed)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"


class MicroBatch(models.Model):
    """A batch that a query has committed, as its driver told it."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="batches")
    query = models.CharField(max_length=20)
    generation = models.PositiveIntegerField()
    batch = models.PositiveBigIntegerField()
    table_version = models.PositiveBigIntegerField()
    rows_in = models.PositiveBigIntegerField()
    seconds = models.FloatField()
    committed_at = models.DateTimeField()
    event_times = models.JSONField(default=list)
    carried_by = models.BigIntegerField(null=True)  # the first load that brought it to the warehouse

    class Meta:
        verbose_name, verbose_name_plural = "micro-batch", "micro-batches"
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "query", "generation", "batch"], name="micro_batch_once")
        ]
        indexes = [
            models.Index(fields=["pipeline", "query", "-committed_at"], name="micro_batch_newest"),
            models.Index(
                fields=["pipeline", "committed_at"],
                name="micro_batch_unloaded",
                condition=models.Q(query="aggregate", carried_by=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.query} batch {self.batch}"


class PartitionProgress(models.Model):
    """How far ingest has read a partition, and where the broker's end was; null is not known."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="partitions")
    partition = models.PositiveIntegerField()
    next_offset = models.PositiveBigIntegerField(null=True)
    read_at = models.DateTimeField(null=True)
    end_offset = models.PositiveBigIntegerField(null=True)
    end_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "partition progress"
        constraints = [models.UniqueConstraint(fields=["pipeline", "partition"], name="partition_progress_once")]

    def __str__(self) -> str:
        return f"partition {self.partition} of {self.pipeline}"
