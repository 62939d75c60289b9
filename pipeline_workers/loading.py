"""A load of the warehouse, from request to ledger."""

from __future__ import annotations

import logging
from functools import cache, partial

from django.conf import settings
from django.db import transaction

from controlplane.ledger.services import load_record
from controlplane.runs.selectors import days_held
from controlplane.telemetry.services import load_measure
from controlplane.warehouse.services import load_fail, load_finish, load_start
from pipeline_workers.loaders.base import Loader
from pipeline_workers.loaders.postgres import PostgresLoader
from spark_jobs.contracts import Table

logger = logging.getLogger(__name__)


@cache
def loader() -> Loader:
    return PostgresLoader(settings.PENSTOCK["warehouse_url"])


def load(load_id: int) -> None:
    """Do a requested load. After a crash behind its commit, the loader gives what it had committed."""
    row = load_start(load_id=load_id)
    if row is None:
        return
    try:
        done = loader().load(row.pk, settings.PENSTOCK["lake"], partial(days_held, row.pipeline))
    except Exception as error:
        load_fail(load=row, reason=(str(error).splitlines() or [type(error).__name__])[0][:500])
        logger.exception("load %s failed", row.pk)
        return
    with transaction.atomic():
        risen = load_record(pipeline=row.pipeline, load_id=row.pk, rises=done.rise_by_hour)
        latency = load_finish(
            load=row,
            gold_version=done.gold_versions.get(Table.SENSOR_5MIN, -1),
            gold_seq=done.seq,
            windows=done.windows,
            readings=sum(done.rise_by_hour.values()),
            committed_at=done.committed_at,
            held=done.held_by_hour,
        )
        load_measure(pipeline=row.pipeline, readings=risen, latency=latency, at=done.committed_at)
