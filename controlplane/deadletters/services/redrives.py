"""Asking for a redrive, and taking it back."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import DomainError, IllegalMove, Invalid
from controlplane.core.outbox import enqueue
from controlplane.deadletters.mapping import mapping_checked
from controlplane.deadletters.models import KEPT_BYTES, DeadLetter, Redrive
from controlplane.deadletters.selectors import letters_selected, redrive_numbered
from controlplane.deadletters.states import REDRIVE_MOVES, LetterStatus, RedriveState
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named

TASK = "penstock.redrive"


class NothingToDo(DomainError):
    """No letter of the selection is in the state that this needs: another may have taken them first."""


@transaction.atomic
def redrive_request(
    *,
    pipeline: str,
    actor: User | None,
    reason: str,
    mapping: Any = None,
    rate: int = 0,
    unchecked: bool = False,
    **selection: Any,
) -> Redrive:
    """Claim the open letters of a selection, each of them once, and have them sent back through Kafka.

    `rate` is letters a second at most, 0 as fast as it goes; `unchecked` sends also what the contract would refuse
    again. Raises NotFound, Invalid and NothingToDo.
    """
    if not reason:
        raise Invalid("a redrive needs a reason", {"reason": ["say why"]})
    operations = mapping_checked([] if mapping is None else mapping)
    found = pipeline_named(pipeline)
    Pipeline.objects.select_for_update(no_key=True).get(pk=found.pk)
    made = Redrive.objects.create(
        pipeline=found, mapping=operations, rate=rate, unchecked=unchecked, reason=reason, requested_by=actor
    )
    wanted = letters_selected(found, **selection).filter(status=LetterStatus.OPEN, size__lte=KEPT_BYTES)
    made.claimed = wanted.update(status=LetterStatus.REDRIVING, redrive=made)
    if not made.claimed:
        raise NothingToDo("no letter of the selection is open: another may have taken them first")
    made.save(update_fields=["claimed"])
    after = {"letters": made.claimed, "operations": len(operations), "rate": rate, "unchecked": unchecked}
    audit_record(actor=actor, action="redrive.requested", object=made.path, after=after, reason=reason)
    enqueue(task=TASK, redrive_id=made.pk)
    return made


@transaction.atomic
def redrive_cancel(*, redrive_id: int, actor: User | None, reason: str = "") -> Redrive:
    """Have a redrive end; what was not sent is open again. Raises NotFound and IllegalMove."""
    redrive = redrive_numbered(redrive_id, locked=True)
    before = redrive.state
    if before == RedriveState.REQUESTED:
        letters_release(redrive=redrive)
        redrive_move(redrive=redrive, to=RedriveState.CANCELLED, cause=_words(reason), ended_at=timezone.now())
    elif before == RedriveState.RUNNING:
        redrive_move(redrive=redrive, to=RedriveState.CANCELLING, cause=_words(reason))
        enqueue(task=TASK, redrive_id=redrive.pk)
    else:
        raise IllegalMove(f"{redrive} is {before}: only one that is requested or running is cancelled")
    audit_record(
        actor=actor,
        action="redrive.cancelled",
        object=redrive.path,
        before={"state": before},
        after={"state": redrive.state},
        reason=reason,
    )
    return redrive


def redrive_move(*, redrive: Redrive, to: str, **changes: Any) -> None:
    """Move a redrive's state, and change other columns with it. Raises IllegalMove."""
    if to not in REDRIVE_MOVES.get(RedriveState(redrive.state), ()):
        raise IllegalMove(f"{redrive}: {redrive.state} may not become {to}")
    if not Redrive.objects.filter(pk=redrive.pk, state=redrive.state).update(state=to, **changes):
        raise IllegalMove(f"{redrive} was moved by somebody else")
    redrive.refresh_from_db()


def letters_release(*, redrive: Redrive) -> int:
    """Have what a redrive claimed and did not send be open again, or expired where Bronze holds it no more."""
    claimed = DeadLetter.objects.filter(redrive=redrive, status=LetterStatus.REDRIVING)
    expired = claimed.filter(gone=True).update(status=LetterStatus.EXPIRED, redrive=None)
    return int(expired + claimed.update(status=LetterStatus.OPEN, redrive=None))


def _words(reason: str) -> str:
    return f"cancelled: {reason}" if reason else "cancelled"
