"""Reading dead letters, their groups, redrives, and what a mapping would make of letters."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from controlplane.core.errors import NotFound
from controlplane.deadletters.mapping import Mended, Operation, mended
from controlplane.deadletters.models import DeadLetter, DeadLetterGroup, Redrive
from controlplane.deadletters.states import REDRIVE_ENDED, LetterStatus
from controlplane.pipelines.models import Pipeline

MOST_MENDED = 20_000  # letters that a dry run looks at: an answer in about a second
SAMPLES = 5  # of those that pass, and of those that do not
LONGEST_SAMPLE = 2_000  # characters
COUNTED = {status: f"letters_{status}" for status in LetterStatus.values}


def groups_counted(pipeline: Pipeline) -> QuerySet[DeadLetterGroup]:
    """Groups with `letters_open` and so on, how many letters of each status, and the first and last arrival."""
    counts = {name: Count("letters", filter=Q(letters__status=status)) for status, name in COUNTED.items()}
    arrivals = {"first_at": Min("letters__kafka_timestamp"), "last_at": Max("letters__kafka_timestamp")}
    again = Count("letters", filter=Q(letters__again=True))
    return DeadLetterGroup.objects.filter(pipeline=pipeline).annotate(**counts, **arrivals, letters_again=again)


def letters_selected(
    pipeline: Pipeline,
    *,
    group: int | None = None,
    refused_as: str | None = None,
    status: str | None = None,
    search: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    again: bool | None = None,
) -> QuerySet[DeadLetter]:
    """Letters by all that is told: `refused_as` is their reason, `search` a part of the text, `until` is not included.

    Raises NotFound.
    """
    letters = DeadLetter.objects.filter(pipeline=pipeline)
    if group is not None:
        if not DeadLetterGroup.objects.filter(pipeline=pipeline, pk=group).exists():
            raise NotFound(f"{pipeline} has no group {group} of dead letters")
        letters = letters.filter(group=group)
    told = {"reason": refused_as, "status": status, "kafka_timestamp__gte": since, "kafka_timestamp__lt": until}
    told["again"] = again  # type: ignore[assignment]
    letters = letters.filter(**{name: value for name, value in told.items() if value is not None})
    return letters.filter(text__icontains=search) if search else letters


def letter_numbered(letter_id: int) -> DeadLetter:
    """Raises NotFound."""
    found = DeadLetter.objects.select_related("group", "pipeline").filter(pk=letter_id).first()
    if found is None:
        raise NotFound(f"there is no dead letter {letter_id}")
    return found


def redrive_numbered(redrive_id: int, *, locked: bool = False) -> Redrive:
    """Raises NotFound."""
    redrives = Redrive.objects.select_related("pipeline", "requested_by")
    if locked:
        redrives = redrives.select_for_update(of=("self",))
    found = redrives.filter(pk=redrive_id).first()
    if found is None:
        raise NotFound(f"there is no redrive {redrive_id}")
    return found


def redrives_active() -> QuerySet[Redrive]:
    """Oldest first."""
    return Redrive.objects.exclude(state__in=REDRIVE_ENDED).order_by("pk")


def mend_preview(letters: QuerySet[DeadLetter], mapping: list[Operation]) -> dict[str, Any]:
    """What a mapping would make of the open ones among letters, the newest MOST_MENDED of them; nothing changes."""
    wanted = letters.filter(status=LetterStatus.OPEN)
    now = timezone.now()
    looked_at = passed = 0
    refused: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    samples: list[dict[str, Any]] = []
    shown: Counter[bool] = Counter()
    for letter in wanted.only("pk", "payload", "key", "size").order_by("-pk")[:MOST_MENDED].iterator(chunk_size=2000):
        looked_at += 1
        made = letter_mended(letter, mapping, now)
        passed += made.passes
        if made.problem:
            problems[made.problem] += 1
        elif made.reason:
            refused[made.reason] += 1
        if shown[made.passes] < SAMPLES:
            shown[made.passes] += 1
            samples.append(_sample(letter, made))
    return {
        "letters": wanted.count(),
        "looked_at": looked_at,
        "would_pass": passed,
        "refused": dict(refused),
        "problems": [{"problem": text, "letters": count} for text, count in problems.most_common(20)],
        "samples": samples,
    }


def letter_mended(letter: DeadLetter, mapping: list[Operation], at: datetime) -> Mended:
    """A letter as it would be sent. What the index holds in part is not sent by it at all."""
    payload = None if letter.payload is None else bytes(letter.payload)
    key = None if letter.key is None else bytes(letter.key)
    if not letter.whole:
        return Mended(payload, key, problem="the payload is larger than what the index keeps of one")
    return mended(payload, key, mapping, at)


def text_of(payload: bytes | None) -> str:
    return (payload or b"").decode(errors="replace")


def _sample(letter: DeadLetter, made: Mended) -> dict[str, Any]:
    before = text_of(None if letter.payload is None else bytes(letter.payload))
    return {
        "id": letter.pk,
        "before": before[:LONGEST_SAMPLE],
        "after": "" if made.problem else text_of(made.payload)[:LONGEST_SAMPLE],
        "passes": made.passes,
        "reason": made.reason,
        "problem": made.problem,
    }
