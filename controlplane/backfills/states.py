"""The states of backfills and of their slots, which may follow which, and what a backfill may be told by name."""

from django.db import models

from controlplane.runs.states import RunState


class BackfillState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OVER = {BackfillState.SUCCEEDED, BackfillState.FAILED, BackfillState.CANCELLED}
MOVES = {
    BackfillState.QUEUED: {
        BackfillState.RUNNING,
        BackfillState.PAUSED,
        BackfillState.CANCELLING,
        BackfillState.CANCELLED,
    },
    # Cancelled it also becomes where somebody cancelled single runs of it, and none failed.
    BackfillState.RUNNING: {BackfillState.PAUSED, BackfillState.CANCELLING, *_OVER},
    BackfillState.PAUSED: {BackfillState.QUEUED, BackfillState.RUNNING, BackfillState.CANCELLING, *_OVER},
    BackfillState.CANCELLING: {BackfillState.CANCELLED},
    # Succeeded it becomes where its last failed run was retried by itself.
    BackfillState.FAILED: {BackfillState.QUEUED, BackfillState.SUCCEEDED},
    BackfillState.CANCELLED: {BackfillState.QUEUED},
    BackfillState.SUCCEEDED: set(),
}
ENDED = frozenset(_OVER)
ACTIVE = frozenset(BackfillState) - ENDED
STARTING = frozenset({BackfillState.QUEUED, BackfillState.RUNNING})  # new slots begin in these


class SlotState(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


# A slot follows its run, which may be retried by itself; pending again it is when the backfill is retried.
SLOT_MOVES = {
    SlotState.PENDING: {SlotState.RUNNING, SlotState.CANCELLED},
    SlotState.RUNNING: {SlotState.SUCCEEDED, SlotState.FAILED, SlotState.CANCELLED},
    SlotState.FAILED: {SlotState.PENDING, SlotState.RUNNING, SlotState.SUCCEEDED, SlotState.CANCELLED},
    SlotState.CANCELLED: {SlotState.PENDING, SlotState.RUNNING, SlotState.SUCCEEDED, SlotState.FAILED},
    SlotState.SUCCEEDED: set(),
}
OF_RUN = {
    RunState.QUEUED: SlotState.RUNNING,
    RunState.RUNNING: SlotState.RUNNING,
    RunState.CANCELLING: SlotState.RUNNING,
    RunState.SUCCEEDED: SlotState.SUCCEEDED,
    RunState.FAILED: SlotState.FAILED,
    RunState.CANCELLED: SlotState.CANCELLED,
}


class Order(models.TextChoices):
    """Which day comes first."""

    OLDEST = "oldest"
    NEWEST = "newest"


class Only(models.TextChoices):
    """Which days: every one, those that never ran, or those that failed when they last ran."""

    ALL = "all"
    MISSING = "missing"
    FAILED = "failed"


class Before(models.TextChoices):
    """What came of a day when it last ran."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NEVER = "never"
