"""Writing: what is wanted of streaming jobs, what is observed of them, and how far they are."""

from controlplane.streaming.services.commands import (
    NotSafe,
    job_desire,
    job_drain,
    job_restart,
    job_rollback,
    job_start,
    job_stop,
)
from controlplane.streaming.services.jobs import driver_reported, job_ensure, job_give_up, job_move
from controlplane.streaming.services.progress import batch_committed, ends_sampled, ingest_progressed
from controlplane.streaming.services.pruning import batches_prune
from controlplane.streaming.services.watching import job_watch

__all__ = [
    "NotSafe",
    "batch_committed",
    "batches_prune",
    "driver_reported",
    "ends_sampled",
    "ingest_progressed",
    "job_desire",
    "job_drain",
    "job_ensure",
    "job_give_up",
    "job_move",
    "job_restart",
    "job_rollback",
    "job_start",
    "job_stop",
    "job_watch",
]
