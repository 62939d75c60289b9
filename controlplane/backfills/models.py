"""A backfill, its slots, one a day, and the states that it left."""

from django.db import models
from django.db.models import Q

from controlplane.accounts.models import User
from controlplane.backfills.states import ACTIVE, ENDED, BackfillState, Only, Order, SlotState
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run

IS_ACTIVE = Q(state__in=sorted(ACTIVE))


class Backfill(models.Model):
    """Days of a pipeline, UTC, both ends included, each done by a run of its own.

    `throttled` says that no slot starts until the live lag is below half of `throttle_lag`; `waiting` says in words
    what holds it back.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="backfills")
    state = models.CharField(max_length=20, choices=BackfillState, default=BackfillState.QUEUED)
    first_day = models.DateField()
    last_day = models.DateField()
    order = models.CharField(max_length=10, choices=Order, default=Order.OLDEST)
    concurrency = models.PositiveSmallIntegerField(default=1)
    only = models.CharField(max_length=10, choices=Only, default=Only.ALL)
    throttle_lag = models.PositiveBigIntegerField()
    throttled = models.BooleanField(default=False)
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    cause = models.TextField(blank=True)
    waiting = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=models.F("first_day")), name="backfill_days_in_order"),
            # Whatever else holds: of two who ask at once for the same days, one gets them.
            models.UniqueConstraint(
                fields=["pipeline", "first_day", "last_day"], condition=IS_ACTIVE, name="backfill_active_once"
            ),
        ]
        indexes = [
            models.Index(fields=["state"], name="backfill_active", condition=IS_ACTIVE),
            models.Index(fields=["pipeline", "-id"], name="backfill_newest"),
        ]

    @property
    def is_over(self) -> bool:
        return self.state in ENDED

    @property
    def trigger(self) -> str:
        """What its runs are triggered by."""
        return f"backfill/{self.pk}"

    @property
    def path(self) -> str:
        """What the audit log calls it."""
        return f"pipeline/{self.pipeline.name}/backfill/{self.pk}"

    @property
    def days(self) -> str:
        return f"{self.first_day}" if self.first_day == self.last_day else f"{self.first_day} to {self.last_day}"

    def __str__(self) -> str:
        return f"backfill {self.pk}"


class BackfillMove(models.Model):
    """A state that was left for another, and why."""

    backfill = models.ForeignKey(Backfill, on_delete=models.CASCADE, related_name="moves")
    before = models.CharField(max_length=20, choices=BackfillState)
    after = models.CharField(max_length=20, choices=BackfillState)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"


class Slot(models.Model):
    """A day of a backfill, and the run that does it: the newest, where it took several. `position` is its turn."""

    backfill = models.ForeignKey(Backfill, on_delete=models.CASCADE, related_name="slots")
    day = models.DateField()
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=20, choices=SlotState, default=SlotState.PENDING)
    run = models.OneToOneField(Run, null=True, on_delete=models.PROTECT, related_name="backfill_slot")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["backfill", "day"], name="slot_day_once"),
            models.UniqueConstraint(fields=["backfill", "position"], name="slot_position_once"),
            models.CheckConstraint(condition=~Q(state="running") | Q(run__isnull=False), name="slot_runs_by_a_run"),
        ]
        indexes = [models.Index(fields=["backfill", "state"], name="slot_by_state")]

    def __str__(self) -> str:
        return f"{self.day} of {self.backfill}"
