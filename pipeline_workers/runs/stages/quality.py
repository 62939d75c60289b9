"""What the run made is checked, what its application found of the suites is kept, and a load of bad rows held back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from controlplane.quality.selectors import evaluations_holding
from controlplane.quality.services import drift_record, evaluations_record, profiles_record
from controlplane.runs.models import Run, Stage
from controlplane.runs.services import stage_condense
from controlplane.runs.states import RunKind, StageName
from pipeline_workers.runs.steps import Done, Failed, Step, Waiting
from pipeline_workers.verification.days import check_days
from spark_jobs.suites import Evaluation, Profile

PATIENCE = timedelta(minutes=2)  # for the stream to bring to Gold what it adds to Silver meanwhile
SUITES = "suites"  # {evaluation, verdict} by suite, in the detail of the stage that evaluates once its word is kept


def quality(run: Run, stage: Stage) -> Step:
    """A quality run finds, and what it finds is no failure of it; a run over days loads none that fail what holds."""
    if run.kind == RunKind.QUALITY:
        return Done(detail={SUITES: _kept(run)})
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
    suites = _kept(run)
    if held := evaluations_holding(suite["evaluation"] for suite in suites.values()):
        return Failed("; ".join(held))
    return Done(rows_in=found.silver, rows_out=found.gold, detail={"checks": found.checks, SUITES: suites})


@transaction.atomic
def _kept(run: Run) -> dict[str, dict[str, Any]]:
    """Evaluation and verdict by suite, once all that the application told is kept; of a run without the stage, none.

    A worker that died behind this finds it done. The bulk of it is not shown with every run.
    """
    stage = run.stages.filter(name=StageName.EVALUATE).first()
    if stage is None or SUITES in stage.detail:
        return stage.detail[SUITES] if stage else {}
    told = [Evaluation.of(item) for item in stage.detail.get("evaluations", [])]
    evaluations = evaluations_record(pipeline=run.pipeline, run=run.pk, evaluations=told)
    if run.first_day is not None and run.last_day is not None and "profiles" in stage.detail:
        days = [run.first_day + timedelta(days=number) for number in range((run.last_day - run.first_day).days + 1)]
        profiles = [Profile(**item) for item in stage.detail["profiles"]]
        profiles_record(pipeline=run.pipeline, days=days, profiles=profiles)
        drift = drift_record(pipeline=run.pipeline, run=run.pk, first=run.first_day, last=run.last_day)
        evaluations |= {drift.suite.name: drift} if drift else {}
    kept = {name: {"evaluation": item.pk, "verdict": str(item.verdict)} for name, item in evaluations.items()}
    stage_condense(stage=stage, detail={SUITES: kept})
    return kept
