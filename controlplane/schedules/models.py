"""Schedules, their slots, and how old the newest commit of a table may be."""

from django.db import models
from django.db.models import Q
from django_celery_beat.models import PeriodicTask

from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.schedules.states import KINDS, CatchUp, FreshTable, SlotState
from controlplane.schedules.timing import Timing

IS_THERE = Q(deleted_at=None)


class Schedule(models.Model):
    """Makes runs of a kind at due times.

    `next_due_at` is the first due time that nobody has looked at; none while it is disabled. One that was deleted keeps
    its slots, and its name is known: what an operator has deleted is not provided again.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="schedules")
    name = models.SlugField(max_length=50)
    kind = models.CharField(max_length=20, choices=[(kind, kind.capitalize()) for kind in KINDS])
    cron = models.CharField(max_length=100, blank=True)
    interval_seconds = models.PositiveIntegerField(null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    parameters = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    catch_up = models.CharField(max_length=10, choices=CatchUp, default=CatchUp.LATEST)
    start_within_minutes = models.PositiveIntegerField(null=True, blank=True)
    end_within_minutes = models.PositiveIntegerField(null=True, blank=True)
    next_due_at = models.DateTimeField(null=True)
    beat = models.OneToOneField(PeriodicTask, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "name"], condition=IS_THERE, name="schedule_name_once")
        ]
        indexes = [models.Index(fields=["next_due_at"], name="schedule_due", condition=IS_THERE)]

    @property
    def timing(self) -> Timing:
        return Timing(cron=self.cron, interval_seconds=self.interval_seconds, timezone=self.timezone)

    @property
    def path(self) -> str:
        """What the audit log and incidents call it."""
        return f"pipeline/{self.pipeline.name}/schedule/{self.name}"

    def __str__(self) -> str:
        return f"schedule {self.name}"


class Slot(models.Model):
    """A due time of a schedule, and what became of it. `settled_at` is when its run was over and judged by the limits;
    a slot without a run has nothing to settle.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="slots")
    due_at = models.DateTimeField()
    state = models.CharField(max_length=20, choices=SlotState, default=SlotState.DUE)
    reason = models.TextField(blank=True)
    run = models.OneToOneField(Run, null=True, on_delete=models.PROTECT, related_name="schedule_slot")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="slot_once")]
        indexes = [
            models.Index(fields=["schedule"], name="slot_due", condition=Q(state="due")),
            models.Index(
                fields=["due_at"], name="slot_unsettled", condition=Q(state__in=["due", "requested"], settled_at=None)
            ),
        ]

    @property
    def path(self) -> str:
        """What incidents call it."""
        return f"{self.schedule.path}/slot/{self.due_at.isoformat()}"

    def __str__(self) -> str:
        return f"{self.due_at:%Y-%m-%d %H:%M} UTC of {self.schedule}"


class TableFreshness(models.Model):
    """How old the newest commit of a table may be, where that is not the usual."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="table_freshness")
    table = models.CharField(max_length=20, choices=FreshTable)
    limit_minutes = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "table freshness"
        constraints = [models.UniqueConstraint(fields=["pipeline", "table"], name="table_freshness_once")]

    @property
    def path(self) -> str:
        """What the audit log and incidents call it."""
        return f"pipeline/{self.pipeline.name}/table/{self.table}"

    def __str__(self) -> str:
        return f"{self.table} of {self.pipeline}"
