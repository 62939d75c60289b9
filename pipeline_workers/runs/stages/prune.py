"""What the control plane has kept for long enough is forgotten."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from controlplane.runs.models import Run, Stage
from controlplane.runs.services import logs_prune
from controlplane.telemetry.services import rollups_prune
from pipeline_workers.runs.steps import Done, Step


def prune(run: Run, stage: Stage) -> Step:
    logs = logs_prune(before=timezone.now() - timedelta(days=run.parameters["log_days"]))
    rollups_prune()
    return Done(detail={"log_chunks": logs})
