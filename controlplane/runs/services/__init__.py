"""Writing runs: what people ask of them, how far they are, and their applications."""

from controlplane.runs.services.applications import (
    application_end,
    application_launched,
    application_request,
    application_stop_asked,
    application_take,
    log_append,
    logs_prune,
)
from controlplane.runs.services.commands import run_cancel, run_plan, run_request, run_rerun, run_retry
from controlplane.runs.services.progress import (
    run_end,
    run_move,
    run_start,
    run_wait,
    stage_again,
    stage_condense,
    stage_end,
    stage_start,
    stage_tell,
    stages_open_cancel,
)

__all__ = [
    "application_end",
    "application_launched",
    "application_request",
    "application_stop_asked",
    "application_take",
    "log_append",
    "logs_prune",
    "run_cancel",
    "run_end",
    "run_move",
    "run_plan",
    "run_request",
    "run_rerun",
    "run_retry",
    "run_start",
    "run_wait",
    "stage_again",
    "stage_condense",
    "stage_end",
    "stage_start",
    "stage_tell",
    "stages_open_cancel",
]
