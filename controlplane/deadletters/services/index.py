"""The index follows Bronze: what it has not seen yet is put in once, and what retention took is marked."""

# ruff: noqa: S608 - the statements are put together of names of this package, no text comes from outside

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from psycopg.types.json import Jsonb

from controlplane.deadletters.models import KEPT_BYTES, DeadLetter, DeadLetterGroup, IndexMark
from controlplane.deadletters.shapes import shape_of
from controlplane.deadletters.states import LetterStatus
from controlplane.pipelines.models import Pipeline

TABLE = DeadLetter._meta.db_table
COLUMNS = (
    "pipeline_id", "group_id", "topic", "partition", "offset", "ingest_seq", "kafka_timestamp", "reason", "key",
    "payload", "size", "text", "headers", "status", "gone", "again", "origin",
)  # fmt: skip
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
    # Before anything is copied: groups are looked up over the connection that copies.
    rows, reached = [], after
    for item in found:
        rows.append(_row(pipeline, groups.of(item), item))
        reached = max(reached, item.ingest_seq)
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    with connection.cursor() as cursor:
        # Several times as fast as inserts of many rows, and a letter that is known already stays as it is.
        cursor.execute(f"CREATE TEMPORARY TABLE new_letters ON COMMIT DROP AS SELECT {names} FROM {TABLE} WHERE false")
        with cursor.copy(f"COPY new_letters ({names}) FROM STDIN") as copied:
            for row in rows:
                copied.write_row(row)
        cursor.execute(
            f"INSERT INTO {TABLE} ({names}) SELECT {names} FROM new_letters "
            'ORDER BY ingest_seq, "partition", "offset" ON CONFLICT DO NOTHING'
        )
        cursor.execute("DROP TABLE new_letters")
    mark.ingest_seq = reached
    mark.save(update_fields=["ingest_seq", "moved_at"])
    return len(rows)


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


def _row(pipeline: Pipeline, group: DeadLetterGroup, item: Found) -> list[Any]:
    """The values of COLUMNS."""
    headers = dict(item.headers)
    payload = None if item.payload is None else item.payload[:KEPT_BYTES]
    shown = [{"key": _shown(name)[:LONGEST_HEADER], "value": _base64(value)} for name, value in item.headers]
    return [
        pipeline.pk,
        group.pk,
        item.topic,
        item.partition,
        item.offset,
        item.ingest_seq,
        item.kafka_timestamp,
        item.reason,
        None if item.key is None else item.key[:KEPT_BYTES],
        payload,
        item.size,
        _shown((payload or b"")[: SEARCHED * 4].decode(errors="replace")[:SEARCHED]),
        Jsonb(shown[:MOST_HEADERS]),
        str(LetterStatus.OPEN),
        False,
        REDRIVE_HEADER in headers,
        _shown((headers.get(ORIGIN_HEADER) or b"").decode(errors="replace"))[:300],
    ]


def _shown(text: str) -> str:
    """A text as a column can hold it."""
    return text.replace("\0", "\ufffd")


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
