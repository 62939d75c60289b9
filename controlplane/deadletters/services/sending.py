"""A redrive on its way, as the one worker that holds its lock tells it: chunk by chunk, each begun and ended here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from controlplane.deadletters.models import DeadLetter, Redrive
from controlplane.deadletters.selectors import redrive_numbered
from controlplane.deadletters.services.fates import fate_record
from controlplane.deadletters.services.redrives import letters_release, redrive_move
from controlplane.deadletters.states import LetterStatus, RedriveState
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import Measure

QUERY = "redrive"
SENT = """
    UPDATE deadletters_deadletter AS letter
    SET status = %s, sent_partition = told.to_partition, sent_offset = told.to_offset
    FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::int[], %s::bigint[])
        AS told (topic, partition, "offset", to_partition, to_offset)
    WHERE letter.topic = told.topic AND letter.partition = told.partition AND letter."offset" = told."offset"
        AND letter.redrive_id = %s AND letter.status = %s
"""


@dataclass(frozen=True)
class Chunk:
    """Letters that are sent next, in the order in which they arrived."""

    letters: list[DeadLetter]


def redrive_start(*, redrive: Redrive) -> None:
    redrive_move(redrive=redrive, to=RedriveState.RUNNING, started_at=timezone.now())


@transaction.atomic
def chunk_begin(*, redrive: Redrive, size: int, marks: Mapping[int, int]) -> Chunk:
    """Note where the topic ends before anything of the chunk is sent. An empty chunk: nothing is left, or wanted."""
    locked = redrive_numbered(redrive.pk, locked=True)
    if locked.state != RedriveState.RUNNING:
        return Chunk([])
    waiting = DeadLetter.objects.filter(redrive=redrive, status=LetterStatus.REDRIVING)
    letters = list(waiting.order_by("pk")[:size])
    if letters:
        Redrive.objects.filter(pk=redrive.pk).update(marks={str(at): end for at, end in marks.items()})
    return Chunk(letters)


@transaction.atomic
def chunk_end(*, redrive: Redrive, sent: Mapping[str, tuple[int, int]], left: list[int]) -> None:
    """The chunk is in Kafka for good: `sent` has the new partition and offset by the place where a letter was before,
    `left` the letters that were not sent and are open again.
    """
    Pipeline.objects.select_for_update(no_key=True).get(pk=redrive.pipeline_id)
    locked = redrive_numbered(redrive.pk, locked=True)
    waiting = DeadLetter.objects.filter(redrive=redrive, status=LetterStatus.REDRIVING)
    released = waiting.filter(pk__in=left)
    gone = released.filter(gone=True).update(status=LetterStatus.EXPIRED, redrive=None)
    opened = released.update(status=LetterStatus.OPEN, redrive=None)
    _sent(redrive, sent)
    letters = DeadLetter.objects.filter(redrive=redrive, status=LetterStatus.REDRIVEN)
    fate_record(pipeline=locked.pipeline, query=QUERY, batch=redrive.pk, measure=Measure.REDRIVEN, letters=letters)
    counts = {"sent": letters.count(), "left": locked.left + gone + opened}
    Redrive.objects.filter(pk=redrive.pk).update(marks=None, **counts)
    redrive.refresh_from_db()


def redrive_settle(*, redrive: Redrive, sent: Mapping[str, tuple[int, int]]) -> None:
    """After an unclean end: what the topic was found to hold was sent, the rest of the chunk was not."""
    chunk_end(redrive=redrive, sent=sent, left=[])


@transaction.atomic
def redrive_end(*, redrive: Redrive) -> bool:
    """End a redrive of which nothing waits any more, or that is being cancelled; whether it is over."""
    locked = redrive_numbered(redrive.pk, locked=True)
    waiting = DeadLetter.objects.filter(redrive=redrive, status=LetterStatus.REDRIVING)
    if locked.state == RedriveState.CANCELLING:
        letters_release(redrive=locked)
        redrive_move(redrive=locked, to=RedriveState.CANCELLED, ended_at=timezone.now())
    elif locked.state == RedriveState.RUNNING and not waiting.exists():
        redrive_move(redrive=locked, to=RedriveState.SUCCEEDED, ended_at=timezone.now())
    redrive.refresh_from_db()
    return redrive.ended_at is not None


@transaction.atomic
def redrive_fail(*, redrive: Redrive, cause: str) -> None:
    """End a redrive that cannot go on; what was not sent is open again. Call it with no chunk under way."""
    locked = redrive_numbered(redrive.pk, locked=True)
    letters_release(redrive=locked)
    redrive_move(redrive=locked, to=RedriveState.FAILED, cause=cause[:2000], ended_at=timezone.now())
    redrive.refresh_from_db()


def _sent(redrive: Redrive, sent: Mapping[str, tuple[int, int]]) -> None:
    """One statement: a chunk has thousands of letters."""
    places = [place.rsplit("/", 2) for place in sent]
    columns = [
        [topic for topic, _, _ in places],
        [int(partition) for _, partition, _ in places],
        [int(offset) for _, _, offset in places],
        [partition for partition, _ in sent.values()],
        [offset for _, offset in sent.values()],
    ]
    with connection.cursor() as cursor:
        cursor.execute(SENT, [str(LetterStatus.REDRIVEN), *columns, redrive.pk, str(LetterStatus.REDRIVING)])
