"""The incident of a backfill that failed: opened with a word to people, cleared by evidence that its days are done."""

from __future__ import annotations

from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.services import incident_clear, incident_open, notification_make
from controlplane.alerts.states import IncidentKind
from controlplane.backfills.models import Backfill
from controlplane.backfills.selectors.days import last_outcomes
from controlplane.backfills.states import Before, SlotState

KIND = IncidentKind.BACKFILL_FAILED


def failure_tell(*, backfill: Backfill) -> None:
    """Open the incident of a backfill that has just failed; who was told already is not told again."""
    if incident_open(kind=KIND, object=backfill.path, cause=f"{backfill}: {backfill.cause}"):
        notification_make(
            subject=f"{backfill.pipeline.name}: {backfill} failed",
            text=f"The backfill {backfill.pk} of {backfill.days} failed: {backfill.cause}\n"
            f"Look: penstock backfills show {backfill.pk}",
        )


def failure_clear(*, backfill: Backfill, resolution: str) -> None:
    incident_clear(kind=KIND, object=backfill.path, resolution=resolution)


def failures_mend() -> None:
    """Clear the incidents of backfills of which no day has failed last, whichever run mended it."""
    numbers = [path.rsplit("/", 1)[-1] for path in incidents_open().filter(kind=KIND).values_list("object", flat=True)]
    for backfill in Backfill.objects.select_related("pipeline").filter(pk__in=numbers):
        left = backfill.slots.exclude(state=SlotState.SUCCEEDED).values_list("day", flat=True)
        outcomes = last_outcomes(backfill.pipeline, backfill.first_day, backfill.last_day)
        if not any(day in outcomes and outcomes[day][0] == Before.FAILED for day in left):
            failure_clear(backfill=backfill, resolution="each day that failed was done by a later run")
