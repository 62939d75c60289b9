"""The index follows Bronze: what it has not seen yet is put in once, and what retention took is marked."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, Value, When

from controlplane.deadletters.models import KEPT_BYTES, DeadLetter, DeadLetterGroup, IndexMark
from controlplane.deadletters.shapes import shape_of
from controlplane.deadletters.states import LetterStatus
from controlplane.pipelines.models import Pipeline

CHUNK = 5_000
SEARCHED = 2_000  # characters of a payload
MOST_HEADERS = 20
LONGEST_HEADER = 1_000  # bytes
REDRIVE_HEADER = "penstock-redrive"
ORIGIN_HEADER = "penstock-origin"


@dataclass(frozen=True)
class Found:
    """A dead letter as Bronze holds it; `payload` may be cut to KEPT_BYTES, `size` is that of all of it."""

    ingest_seq: int
    topic: str
    partition: int
    offset: int
    kafka_timestamp: datetime
    reason: str
    key: bytes | None
    payload: bytes | None
    size: int
    headers: list[tuple[str, bytes | None]]


@transaction.atomic
def letters_index(*, pipeline: Pipeline, after: int, found: Iterable[Found]) -> int | None:
    """Take over dead letters that lie beyond mark `after`, and move the mark behind them; gives how many there were.

    None where the mark is elsewhere by now, or somebody else moves it: nothing has changed then.
    """
    mark = IndexMark.objects.select_for_update(skip_locked=True).filter(pipeline=pipeline).first()
    if mark is None or mark.ingest_seq != after:
        return None
    groups = _Groups(pipeline)
    rows: list[DeadLetter] = []
    count, reached = 0, after
    for item in found:
        rows.append(_letter(pipeline, groups.of(item), item))
        reached = max(reached, item.ingest_seq)
        count += 1
        if len(rows) == CHUNK:
            DeadLetter.objects.bulk_create(rows, ignore_conflicts=True)
            rows.clear()
    DeadLetter.objects.bulk_create(rows, ignore_conflicts=True)
    mark.ingest_seq = reached
    mark.save(update_fields=["ingest_seq", "moved_at"])
    return count


class _Groups:
    """The groups of a pipeline, made as they are met."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._known = {item.fingerprint: item for item in DeadLetterGroup.objects.filter(pipeline=pipeline)}

    def of(self, item: Found) -> DeadLetterGroup:
        # What was cut is no JSON any more, whatever it was.
        shape = shape_of(item.payload) if item.size <= KEPT_BYTES else f"over {KEPT_BYTES:,} bytes"
        fingerprint = hashlib.sha256(f"{item.reason}\n{shape}".encode()).hexdigest()
        known = self._known.get(fingerprint)
        if known is None:
            told = {"reason": item.reason, "shape": shape}
            known, _ = DeadLetterGroup.objects.get_or_create(
                pipeline=self._pipeline, fingerprint=fingerprint, defaults=told
            )
            self._known[fingerprint] = known
        return known


def _letter(pipeline: Pipeline, group: DeadLetterGroup, item: Found) -> DeadLetter:
    headers = dict(item.headers)
    payload = None if item.payload is None else item.payload[:KEPT_BYTES]
    return DeadLetter(
        pipeline=pipeline,
        group=group,
        topic=item.topic,
        partition=item.partition,
        offset=item.offset,
        ingest_seq=item.ingest_seq,
        kafka_timestamp=item.kafka_timestamp,
        reason=item.reason,
        key=None if item.key is None else item.key[:KEPT_BYTES],
        payload=payload,
        size=item.size,
        text=(payload or b"")[: SEARCHED * 4].decode(errors="replace")[:SEARCHED].replace("\0", "\ufffd"),
        headers=[
            {"key": name.replace("\0", "\ufffd")[:LONGEST_HEADER], "value": _base64(value)}
            for name, value in item.headers[:MOST_HEADERS]
        ],
        again=REDRIVE_HEADER in headers,
        origin=(headers.get(ORIGIN_HEADER) or b"").decode(errors="replace").replace("\0", "\ufffd")[:300],
    )


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value[:LONGEST_HEADER]).decode()


@dataclass(frozen=True)
class Taken:
    """Dead letters that an expiry took: those of one hour, reason and partition, first and last offset included."""

    topic: str
    partition: int
    first: int
    last: int
    hour: datetime
    reason: str


@transaction.atomic
def expiry_take(*, pipeline: Pipeline, expiry: int, taken: Iterable[Taken]) -> int:
    """Mark what an expiry took from Bronze: what was open has expired. Gives how many; 0 for one that is known."""
    mark = IndexMark.objects.select_for_update().get(pipeline=pipeline)
    if expiry <= mark.expiry:
        return 0
    status = Case(When(status=LetterStatus.OPEN, then=Value(str(LetterStatus.EXPIRED))), default=F("status"))
    marked = 0
    for item in taken:
        marked += DeadLetter.objects.filter(
            pipeline=pipeline,
            topic=item.topic,
            partition=item.partition,
            offset__range=(item.first, item.last),
            reason=item.reason,
            kafka_timestamp__gte=item.hour,
            kafka_timestamp__lt=item.hour + timedelta(hours=1),
        ).update(gone=True, status=status)
    mark.expiry = expiry
    mark.save(update_fields=["expiry", "moved_at"])
    return marked
