"""An inquiry's life: asked by a person, answered by a worker, ended by its answer or by the loss of the worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import TooManyAttempts
from controlplane.core.outbox import enqueue
from controlplane.core.pruning import delete_in_chunks, long_ago
from controlplane.ledger.models import Inquiry
from controlplane.ledger.services.imbalances import recount_tell
from controlplane.ledger.states import ENDED, InquiryKind, InquiryStatus
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named

TASK = "penstock.answer_inquiry"
# What Celery allows a task, and a little: a worker that is silent for longer was killed.
LOST = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 30)
FORGOTTEN = timedelta(seconds=30)
MOST_WAITING = 50  # of a pipeline
PAUSE_SECONDS = 5


@transaction.atomic
def recount_request(*, pipeline: str, actor: User | None, reason: str = "") -> Inquiry:
    """Have the accounts recounted. One that waits already will see everything that is there now. Raises NotFound."""
    made, is_new = _request(pipeline, InquiryKind.RECOUNT, {})
    if is_new:
        audit_record(
            actor=actor,
            action="ledger.verification_requested",
            object=f"pipeline/{pipeline}/ledger",
            after={"verification": made.pk},
            reason=reason,
        )
    return made


@transaction.atomic
def inquiry_request(*, pipeline: str, kind: str, question: dict[str, Any]) -> Inquiry:
    """Have a question answered; the same one that waits already is the one. Raises NotFound and TooManyAttempts."""
    return _request(pipeline, kind, question)[0]


def inquiry_start(*, inquiry_id: int) -> Inquiry | None:
    """Take one that waits; None when a copy of the task was here before."""
    won = Inquiry.objects.filter(pk=inquiry_id, status=InquiryStatus.REQUESTED).update(
        status=InquiryStatus.RUNNING, started_at=timezone.now()
    )
    return Inquiry.objects.select_related("pipeline").get(pk=inquiry_id) if won else None


@transaction.atomic
def inquiry_succeed(*, inquiry_id: int, result: dict[str, Any]) -> None:
    """It is answered. What a recount found wrong is told, and what was wrong and is not any more."""
    if _finish(inquiry_id, status=InquiryStatus.SUCCEEDED, result=result):
        inquiry = Inquiry.objects.select_related("pipeline").get(pk=inquiry_id)
        if inquiry.kind == InquiryKind.RECOUNT:
            recount_tell(pipeline=inquiry.pipeline, result=result)


def inquiry_fail(*, inquiry_id: int, reason: str) -> None:
    """It could not be answered, which says nothing of what it was about."""
    _finish(inquiry_id, status=InquiryStatus.FAILED, reason=reason)


def inquiries_recover() -> int:
    """End those whose worker was lost, and ask again for those that the queue forgot."""
    now = timezone.now()
    lost = Inquiry.objects.filter(status=InquiryStatus.RUNNING, started_at__lt=now - LOST)
    recovered: int = lost.update(status=InquiryStatus.FAILED, reason="the worker that had it was lost", finished_at=now)
    forgotten = Q(status=InquiryStatus.REQUESTED, asked_at__lt=now - FORGOTTEN)
    for pk in Inquiry.objects.filter(forgotten).values_list("pk", flat=True):
        with transaction.atomic():
            if Inquiry.objects.filter(forgotten, pk=pk).update(asked_at=now):
                enqueue(task=TASK, inquiry_id=pk)
                recovered += 1
    return recovered


def inquiries_prune(*, days: int) -> int:
    """Delete those that ended more than `days` ago; gives how many. Raises ValueError below one day."""
    ended = Inquiry.objects.filter(status__in=sorted(ENDED), finished_at__lt=long_ago(days))
    return delete_in_chunks(ended.order_by("pk"))


def _request(pipeline: str, kind: str, question: dict[str, Any]) -> tuple[Inquiry, bool]:
    found = pipeline_named(pipeline)
    Pipeline.objects.select_for_update(no_key=True).get(pk=found.pk)
    waiting = Inquiry.objects.filter(pipeline=found, status=InquiryStatus.REQUESTED)
    same = waiting.filter(kind=kind, question=question).first()
    if same is not None:
        return same, False
    if waiting.count() >= MOST_WAITING:
        raise TooManyAttempts(f"{MOST_WAITING} questions wait for a worker already", PAUSE_SECONDS)
    made = Inquiry.objects.create(pipeline=found, kind=kind, question=question)
    enqueue(task=TASK, inquiry_id=made.pk)
    return made, True


def _finish(inquiry_id: int, **changes: Any) -> bool:
    running = Inquiry.objects.filter(pk=inquiry_id, status=InquiryStatus.RUNNING)
    return bool(running.update(finished_at=timezone.now(), **changes))
