"""A recount's life: requested by a person, run by a worker, ended by its result or by the loss of the worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.outbox import enqueue
from controlplane.ledger.models import LedgerVerification
from controlplane.ledger.services.imbalances import recount_tell
from controlplane.ledger.states import VerificationStatus
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named

TASK = "penstock.verify_ledger"
# What Celery allows a task, and a little: a worker that is silent for longer was killed.
LOST = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 30)
FORGOTTEN = timedelta(seconds=30)


@transaction.atomic
def verification_request(*, pipeline: str, actor: User | None, reason: str = "") -> LedgerVerification:
    """Have the accounts recounted. One that waits already will see everything that is there now. Raises NotFound."""
    found = pipeline_named(pipeline)
    Pipeline.objects.select_for_update(no_key=True).get(pk=found.pk)
    waiting = LedgerVerification.objects.filter(pipeline=found, status=VerificationStatus.REQUESTED).first()
    if waiting is not None:
        return waiting
    made = LedgerVerification.objects.create(pipeline=found)
    audit_record(
        actor=actor,
        action="ledger.verification_requested",
        object=f"pipeline/{pipeline}/ledger",
        after={"verification": made.pk},
        reason=reason,
    )
    enqueue(task=TASK, verification_id=made.pk)
    return made


def verification_start(*, verification_id: int) -> LedgerVerification | None:
    """Take a requested one; None when a copy of the task was here before."""
    won = LedgerVerification.objects.filter(pk=verification_id, status=VerificationStatus.REQUESTED).update(
        status=VerificationStatus.RUNNING, started_at=timezone.now()
    )
    return LedgerVerification.objects.select_related("pipeline").get(pk=verification_id) if won else None


@transaction.atomic
def verification_succeed(*, verification_id: int, result: dict[str, Any]) -> None:
    """It was counted; what is wrong is told, and what was wrong and is not any more."""
    if _finish(verification_id, status=VerificationStatus.SUCCEEDED, result=result):
        verification = LedgerVerification.objects.select_related("pipeline").get(pk=verification_id)
        recount_tell(pipeline=verification.pipeline, result=result)


def verification_fail(*, verification_id: int, reason: str) -> None:
    """It could not be counted, which says nothing of the accounts."""
    _finish(verification_id, status=VerificationStatus.FAILED, reason=reason)


def verifications_recover() -> int:
    """End those whose worker was lost, and ask again for those that the queue forgot."""
    now = timezone.now()
    lost = LedgerVerification.objects.filter(status=VerificationStatus.RUNNING, started_at__lt=now - LOST)
    recovered: int = lost.update(
        status=VerificationStatus.FAILED, reason="the worker that counted was lost", finished_at=now
    )
    forgotten = Q(status=VerificationStatus.REQUESTED, asked_at__lt=now - FORGOTTEN)
    for pk in LedgerVerification.objects.filter(forgotten).values_list("pk", flat=True):
        with transaction.atomic():
            if LedgerVerification.objects.filter(forgotten, pk=pk).update(asked_at=now):
                enqueue(task=TASK, verification_id=pk)
                recovered += 1
    return recovered


def _finish(verification_id: int, **changes: Any) -> bool:
    running = LedgerVerification.objects.filter(pk=verification_id, status=VerificationStatus.RUNNING)
    return bool(running.update(finished_at=timezone.now(), **changes))
