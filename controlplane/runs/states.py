"""What runs there are, the stages of each kind, the states of both, and which state may follow which."""

from django.db import models

from spark_jobs.applications import StageName as OfApplication


class RunKind(models.TextChoices):
    DAILY = "daily"
    BACKFILL = "backfill"
    MAINTENANCE = "maintenance"
    QUALITY = "quality"


class StageName(models.TextChoices):
    ENSURE_STREAM = "ensure_stream"
    FRESHNESS = "freshness"
    BRONZE_TO_SILVER = OfApplication.BRONZE_TO_SILVER.value
    SILVER_TO_GOLD = OfApplication.SILVER_TO_GOLD.value
    EVALUATE = OfApplication.EVALUATE.value
    QUALITY = "quality"
    LOAD = "load"
    COMPACT = OfApplication.COMPACT.value
    EXPIRE = OfApplication.EXPIRE.value
    VACUUM = OfApplication.VACUUM.value
    PRUNE = "prune"


STAGES = {
    RunKind.DAILY: (
        StageName.ENSURE_STREAM,
        StageName.FRESHNESS,
        StageName.BRONZE_TO_SILVER,
        StageName.SILVER_TO_GOLD,
        StageName.EVALUATE,
        StageName.QUALITY,
        StageName.LOAD,
    ),
    RunKind.BACKFILL: (
        StageName.BRONZE_TO_SILVER,
        StageName.SILVER_TO_GOLD,
        StageName.EVALUATE,
        StageName.QUALITY,
        StageName.LOAD,
    ),
    RunKind.MAINTENANCE: (StageName.COMPACT, StageName.EXPIRE, StageName.VACUUM, StageName.PRUNE),
    RunKind.QUALITY: (StageName.EVALUATE, StageName.QUALITY),
}
# What one decides by what another has found is decided anew by what is found anew.
DECIDES_BY = {StageName.QUALITY: StageName.EVALUATE}
# Done by one application for all of a run's; the others by a worker.
IN_APPLICATION = frozenset(StageName(item.value) for item in OfApplication)


class RunState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


MOVES = {
    RunState.QUEUED: {RunState.RUNNING, RunState.CANCELLED},
    RunState.RUNNING: {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLING},
    RunState.CANCELLING: {RunState.CANCELLED},
    # A retry goes on from the stage that did not succeed.
    RunState.FAILED: {RunState.QUEUED},
    RunState.CANCELLED: {RunState.QUEUED},
    RunState.SUCCEEDED: set(),
}
ENDED = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})
ACTIVE = frozenset(RunState) - ENDED
RETRIED = frozenset({RunState.FAILED, RunState.CANCELLED})


class StageState(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


STAGE_MOVES = {
    StageState.PENDING: {StageState.RUNNING, StageState.CANCELLED},
    StageState.RUNNING: {StageState.SUCCEEDED, StageState.FAILED, StageState.CANCELLED},
    StageState.FAILED: {StageState.PENDING},
    StageState.CANCELLED: {StageState.PENDING},
    # By the retry of a run whose stage that decides by this one did not succeed.
    StageState.SUCCEEDED: {StageState.PENDING},
}


class ApplicationState(models.TextChoices):
    REQUESTED = "requested"
    LAUNCHED = "launched"
    ENDED = "ended"
