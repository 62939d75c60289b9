"""A first check of what the run made: Silver and Gold of its days, by themselves and against each other."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from controlplane.runs.models import Run, Stage
from pipeline_workers.runs.steps import Done, Failed, Step, Waiting
from pipeline_workers.verification.days import check_days

PATIENCE = timedelta(minutes=2)  # for the stream to bring to Gold what it adds to Silver meanwhile


def quality(run: Run, stage: Stage) -> Step:
    assert run.first_day is not None
    assert run.last_day is not None
    found = check_days(settings.PENSTOCK["lake"], run.first_day, run.last_day)
    if found.broken:
        return Failed("; ".join(found.broken))
    if found.behind:
        waited = timezone.now() - stage.started_at if stage.started_at else timedelta()
        if waited > PATIENCE:
            return Failed(f"Gold has {found.behind} readings fewer than Silver, and does not catch up")
        return Waiting(f"Gold is {found.behind} readings behind Silver")
    return Done(rows_in=found.silver, rows_out=found.gold, detail={"checks": found.checks})
