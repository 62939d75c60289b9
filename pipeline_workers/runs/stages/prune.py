"""What the control plane has kept for long enough is forgotten."""

from __future__ import annotations

from controlplane.alerts.services import incidents_prune
from controlplane.ledger.services import inquiries_prune
from controlplane.quality.services import evaluations_prune
from controlplane.runs.models import Run, Stage
from controlplane.runs.services import logs_prune
from controlplane.streaming.services import batches_prune
from controlplane.telemetry.services import rollups_prune
from controlplane.warehouse.services import loads_prune
from pipeline_workers.runs.steps import Done, Step


def prune(run: Run, stage: Stage) -> Step:
    metrics, logs = run.parameters["metrics_days"], run.parameters["log_days"]
    return Done(
        detail={
            "rollups": rollups_prune(),
            "batches": batches_prune(days=metrics),
            "loads": loads_prune(days=metrics),
            "inquiries": inquiries_prune(days=logs),
            "incidents": incidents_prune(days=metrics),
            "evaluations": evaluations_prune(days=metrics),
            "log_chunks": logs_prune(days=logs),
        }
    )
