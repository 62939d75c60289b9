"""What became of what redrives sent, by where it was put: Bronze says whether it was refused again, Silver the rest."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pyarrow as pa
from django.conf import settings
from django.utils import timezone

from controlplane.deadletters.models import DeadLetter, Redrive
from controlplane.deadletters.states import LetterStatus
from pipeline_workers.verification.lake import Lake
from spark_jobs.contracts import Table

logger = logging.getLogger(__name__)
FOLLOWED = timedelta(days=7)  # after which nothing more is expected
SECONDS = timedelta(seconds=60)  # between two looks at those that only wait for a batch run
PLACE = {"topic": "topic::VARCHAR", "partition": "partition::INTEGER", '"offset"': '"offset"::BIGINT'}
BRONZE = {**PLACE, "refused": "(disposition = 'dead_letter')::BOOLEAN"}
SET_ASIDE = {**PLACE, "reason": "reason::VARCHAR"}
JOINED = """
    SELECT count(*) FILTER (refused),
        count(*) FILTER (silver.topic IS NOT NULL),
        count(*) FILTER (silver.topic IS NULL AND aside.reason = 'duplicate'),
        count(*) FILTER (silver.topic IS NULL AND aside.reason = 'deferred'),
        count(*)
    FROM sent LEFT JOIN bronze USING (topic, partition, "offset")
        LEFT JOIN silver USING (topic, partition, "offset")
        LEFT JOIN (SELECT DISTINCT * FROM aside) AS aside USING (topic, partition, "offset")
"""


def outcomes_follow() -> None:
    """Look after the redrives that have sent something of which not all is known."""
    now = timezone.now()
    for redrive in Redrive.objects.filter(sent__gt=0, started_at__gt=now - FOLLOWED).select_related("pipeline"):
        known = redrive.outcome
        waits = known is None or known["pending"] or sum(_counted(known)) < redrive.sent
        old = known is not None and known["deferred"] and now > datetime.fromisoformat(known["at"]) + SECONDS
        if waits or old:
            try:
                outcome_read(redrive)
            except Exception:
                logger.exception("what became of %s could not be read", redrive)


def outcome_read(redrive: Redrive) -> dict[str, int | str]:
    """Count and keep it."""
    places = DeadLetter.objects.filter(redrive=redrive, status=LetterStatus.REDRIVEN)
    rows = list(places.values_list("sent_partition", "sent_offset"))
    since = f"TIMESTAMPTZ '{redrive.started_at:%Y-%m-%d %H:%M:%S}+00' - INTERVAL 1 MINUTE"
    with Lake(settings.PENSTOCK["lake"]) as lake:
        sent = {"partition": [row[0] for row in rows], "offset": [row[1] for row in rows]}
        told = pa.table({"topic": [redrive.pipeline.topic] * len(rows), **sent})
        lake.insert("sent", told)
        # Downstream before upstream: what arrives meanwhile is pending.
        lake.copy("silver", lake.open(Table.SILVER), PLACE, f"kafka_timestamp >= {since}")
        lake.copy("aside", lake.open(Table.SET_ASIDE), SET_ASIDE, f"ingest_date >= ({since})::DATE")
        lake.copy("bronze", lake.open(Table.BRONZE), BRONZE, f"ingest_date >= ({since})::DATE")
        refused, kept, duplicate, deferred, total = lake.row(JOINED)
    outcome: dict[str, int | str] = {"refused": refused, "kept": kept, "duplicate": duplicate, "deferred": deferred}
    outcome["pending"] = total - refused - kept - duplicate - deferred
    outcome["at"] = timezone.now().isoformat()
    Redrive.objects.filter(pk=redrive.pk).update(outcome=outcome)
    return outcome


def _counted(outcome: dict[str, int]) -> list[int]:
    return [outcome[name] for name in ("refused", "kept", "duplicate", "deferred")]
