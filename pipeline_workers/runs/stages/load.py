"""The warehouse has what Gold had when the stage began."""

from __future__ import annotations

from datetime import timedelta

import deltalake
from deltalake.exceptions import TableNotFoundError
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from controlplane.runs.models import Run, Stage
from controlplane.warehouse.models import LoadStatus
from controlplane.warehouse.services import load_request
from pipeline_workers.runs.steps import Done, Failed, Step, Waiting
from spark_jobs.contracts import Table

PATIENCE = timedelta(minutes=15)  # failed loads are tried again by themselves meanwhile


def load(run: Run, stage: Stage) -> Step:
    wanted = stage.detail.get("gold_version")
    if wanted is None:
        try:
            wanted = deltalake.DeltaTable(Table.SENSOR_5MIN.under(settings.PENSTOCK["lake"])).version()
        except TableNotFoundError:
            return Failed("there is no Gold to load")
        with transaction.atomic():
            load_request(pipeline=run.pipeline)
        return Waiting("the warehouse is loaded", detail={"gold_version": wanted})
    loads = run.pipeline.loads.order_by("-pk").defer("latency")
    # One that began before may have held the run's days.
    done = loads.filter(status=LoadStatus.SUCCEEDED, gold_version__gte=wanted, started_at__gte=stage.started_at).first()
    if done is not None:
        return Done(rows_out=done.readings, detail={"gold_version": wanted, "load": done.pk, "windows": done.windows})
    newest = loads.first()
    failed = newest is not None and newest.status == LoadStatus.FAILED
    if stage.started_at and timezone.now() - stage.started_at > PATIENCE:
        return Failed(f"not loaded in {PATIENCE}: {newest.reason if newest and failed else 'the load does not end'}")
    return Waiting(f"the newest load failed: {newest.reason}" if newest and failed else "the warehouse is loaded")
