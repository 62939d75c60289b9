"""Giving letters up, and taking that back."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import Invalid
from controlplane.deadletters.models import DeadLetter, Discard
from controlplane.deadletters.selectors import letters_selected
from controlplane.deadletters.services.fates import fate_record
from controlplane.deadletters.services.redrives import NothingToDo
from controlplane.deadletters.states import LetterStatus
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from spark_jobs.contracts import Measure

QUERY = "discard"


@transaction.atomic
def letters_discard(*, pipeline: str, actor: User | None, reason: str, **selection: Any) -> tuple[Discard, int]:
    """Give up the open letters of a selection; gives how many. Raises NotFound, Invalid and NothingToDo."""
    if not reason:
        raise Invalid("a discard needs a reason", {"reason": ["say why"]})
    found = _locked(pipeline)
    made = Discard.objects.create(pipeline=found, reason=reason, requested_by=actor)
    open_ones = letters_selected(found, **selection).filter(status=LetterStatus.OPEN)
    count = open_ones.update(status=LetterStatus.DISCARDED, discard=made)
    if not count:
        raise NothingToDo("no letter of the selection is open")
    _record(made)
    path = f"pipeline/{pipeline}/discard/{made.pk}"
    audit_record(actor=actor, action="dead_letters.discarded", object=path, after={"letters": count}, reason=reason)
    return made, count


@transaction.atomic
def letters_reopen(*, pipeline: str, actor: User | None, reason: str = "", **selection: Any) -> int:
    """Take back the discard of a selection's letters that Bronze still holds. Raises NotFound and NothingToDo."""
    found = _locked(pipeline)
    wanted = letters_selected(found, **selection).filter(status=LetterStatus.DISCARDED, gone=False)
    discards = list(Discard.objects.filter(pk__in=wanted.order_by().values("discard").distinct()))
    count: int = wanted.update(status=LetterStatus.OPEN, discard=None)
    if not count:
        raise NothingToDo("no letter of the selection is discarded and still in Bronze")
    for discard in discards:
        _record(discard)
    path = f"pipeline/{pipeline}/dead-letters"
    audit_record(actor=actor, action="dead_letters.reopened", object=path, after={"letters": count}, reason=reason)
    return count


def _locked(pipeline: str) -> Pipeline:
    """Who changes fates waits here for each other."""
    return Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline_named(pipeline).pk)


def _record(discard: Discard) -> None:
    letters = DeadLetter.objects.filter(discard=discard, status=LetterStatus.DISCARDED)
    fate_record(pipeline=discard.pipeline, query=QUERY, batch=discard.pk, measure=Measure.DISCARDED, letters=letters)
