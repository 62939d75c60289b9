"""A run, its stages and their attempts, the applications that it launched, and what these wrote."""

from django.db import models
from django.db.models import Q

from controlplane.accounts.models import User
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.runs.states import ACTIVE, ENDED, ApplicationState, RunKind, RunState, StageName, StageState

IS_ACTIVE = Q(state__in=sorted(ACTIVE))


class Run(models.Model):
    """One piece of work over whole days, UTC, both ends included; of maintenance and quality there are none.

    `retries` counts how often it was taken up again; `trigger` says what asked for it, `waiting` what it waits for.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=20, choices=RunKind)
    state = models.CharField(max_length=20, choices=RunState, default=RunState.QUEUED)
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    parameters = models.JSONField(default=dict)
    version = models.ForeignKey(PipelineVersion, null=True, on_delete=models.PROTECT, related_name="+")
    trigger = models.CharField(max_length=100, default="person")
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    rerun_of = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="reruns")
    retries = models.PositiveIntegerField(default=0)
    cause = models.TextField(blank=True)
    waiting = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "kind", "first_day", "last_day"],
                condition=IS_ACTIVE,
                nulls_distinct=False,
                name="run_active_once",
            )
        ]
        indexes = [
            models.Index(fields=["state"], name="run_active", condition=IS_ACTIVE),
            models.Index(fields=["pipeline", "kind", "-id"], name="run_newest"),
        ]

    @property
    def is_over(self) -> bool:
        return self.state in ENDED

    @property
    def path(self) -> str:
        """What the audit log and incidents call it."""
        return f"pipeline/{self.pipeline.name}/run/{self.pk}"

    def __str__(self) -> str:
        return f"{self.kind} run {self.pk}"


class RunMove(models.Model):
    """A state that was left for another, and why."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="moves")
    before = models.CharField(max_length=20, choices=RunState)
    after = models.CharField(max_length=20, choices=RunState)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"


class Stage(models.Model):
    """A step of a run as it stands; `detail` holds figures of the stage's own by name."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=30, choices=StageName)
    state = models.CharField(max_length=20, choices=StageState, default=StageState.PENDING)
    rows_in = models.PositiveBigIntegerField(null=True)
    rows_out = models.PositiveBigIntegerField(null=True)
    detail = models.JSONField(default=dict)
    cause = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="stage_position_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.run}"


class Attempt(models.Model):
    """A try of a stage, from its start to its end. The newest says what the stage says."""

    stage = models.ForeignKey(Stage, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=20, choices=StageState, default=StageState.RUNNING)
    rows_in = models.PositiveBigIntegerField(null=True)
    rows_out = models.PositiveBigIntegerField(null=True)
    detail = models.JSONField(default=dict)
    cause = models.TextField(blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["stage", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.stage}"


class Application(models.Model):
    """A Spark application of a run, which belongs to no worker; its workspace is named by its key.

    `stop_asked_at` is when it was first told to end. `log_end` is how much of its log is stored, in bytes.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="applications")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=20, choices=ApplicationState, default=ApplicationState.REQUESTED)
    run_tag = models.CharField(max_length=64)
    stages = models.JSONField()
    pid = models.PositiveIntegerField(null=True)
    code = models.IntegerField(null=True)
    cause = models.TextField(blank=True)
    requested_at = models.DateTimeField(auto_now_add=True)
    launched_at = models.DateTimeField(null=True)
    stop_asked_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    log_end = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="application_once"),
            models.UniqueConstraint(fields=["run"], condition=~Q(state="ended"), name="application_alive_once"),
        ]

    def __str__(self) -> str:
        return f"application {self.number} of {self.run}"


class LogChunk(models.Model):
    """Whole lines of an application's log, from `start` (bytes)."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="log")
    start = models.PositiveBigIntegerField()
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "start"], name="log_chunk_once")]

    def __str__(self) -> str:
        return f"log of {self.application} from {self.start}"
