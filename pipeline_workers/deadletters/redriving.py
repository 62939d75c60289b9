"""Redrives on their way: whichever worker has the turn sends chunk by chunk, for a while, and passes the turn on.

A chunk is a transaction of Kafka. Before it begins, the ends of the topic are noted; after it is committed, its letters
are redriven. A worker that finds the note reads from there what of the chunk is in the topic: all of it, or nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from confluent_kafka import KafkaError, KafkaException
from django.conf import settings
from django.db import connection
from django.utils import timezone

from controlplane.core.outbox import enqueue
from controlplane.deadletters.models import DeadLetter, Redrive
from controlplane.deadletters.selectors import letter_mended, redrives_active
from controlplane.deadletters.services import (
    chunk_begin,
    chunk_end,
    redrive_end,
    redrive_fail,
    redrive_settle,
    redrive_start,
)
from controlplane.deadletters.services.redrives import TASK
from controlplane.deadletters.states import RedriveState
from pipeline_workers.deadletters.sender import Outgoing, Sender

logger = logging.getLogger(__name__)
TURNS = 0x50454E + 3  # the first key of the advisory locks
CHUNK = 4_000  # letters
TURN_SECONDS = 20.0
FINAL = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError.TOPIC_AUTHORIZATION_FAILED}


def redrives_recover() -> None:
    """Take on redrives that nobody works on: a worker was killed, or Kafka was away."""
    for pk in list(redrives_active().values_list("pk", flat=True)):
        if not _taken(pk):
            enqueue(task=TASK, redrive_id=pk)


def redrive(redrive_id: int) -> None:
    """Send for a while, and have the rest sent by a task that comes after this one. Another's turn is left to it."""
    with _turn(redrive_id) as mine:
        found = Redrive.objects.select_related("pipeline").filter(pk=redrive_id).first()
        if not mine or found is None or found.ended_at is not None:
            return
        try:
            over = _send(found)
        except KafkaException as error:
            _failed(found, error.args[0])
            return
    if not over:
        enqueue(task=TASK, redrive_id=redrive_id)


def _send(redrive: Redrive) -> bool:
    """Whether the redrive is over."""
    if redrive.state == RedriveState.REQUESTED:
        redrive_start(redrive=redrive)
    pipeline = redrive.pipeline
    sender = Sender(settings.PENSTOCK["bootstrap_servers"], pipeline.topic, redrive.pk, pipeline.name)
    with closing(sender):
        if redrive.marks is not None:
            marks = {int(partition): end for partition, end in redrive.marks.items()}
            redrive_settle(redrive=redrive, sent=sender.found(marks))
        began, sent = time.monotonic(), 0
        while not redrive_end(redrive=redrive):
            sent += _send_chunk(redrive, sender)
            _pace(redrive.rate, sent, began)
            if time.monotonic() - began > TURN_SECONDS:
                return False
    return True


def _send_chunk(redrive: Redrive, sender: Sender) -> int:
    """How many letters it had."""
    size = min(CHUNK, redrive.rate) if redrive.rate else CHUNK
    chunk = chunk_begin(redrive=redrive, size=size, marks=sender.ends())
    if not chunk.letters:
        return 0
    wanted, left = _mended(redrive, chunk.letters)
    chunk_end(redrive=redrive, sent=sender.send(wanted) if wanted else {}, left=left)
    return len(chunk.letters)


def _mended(redrive: Redrive, letters: list[DeadLetter]) -> tuple[list[Outgoing], list[int]]:
    """What is sent, and which letters are not: a mapping could not mend them, or they would be refused again."""
    wanted, left, now = [], [], timezone.now()
    for letter in letters:
        made = letter_mended(letter, redrive.mapping, now)
        if made.passes or (redrive.unchecked and not made.problem):
            wanted.append(Outgoing(letter.place, made.key, made.payload))
        else:
            left.append(letter.pk)
    return wanted, left


def _pace(rate: int, sent: int, began: float) -> None:
    if rate:
        time.sleep(max(began + sent / rate - time.monotonic(), 0.0))


def _failed(redrive: Redrive, error: KafkaError) -> None:
    """What may pass is tried again by the next round; what will not ends the redrive, if no chunk is under way."""
    redrive.refresh_from_db()
    if error.code() in FINAL and redrive.marks is None and redrive.state != RedriveState.REQUESTED:
        redrive_fail(redrive=redrive, cause=f"topic {redrive.pipeline.topic}: {error.str()}")
    else:
        logger.warning("%s waits for Kafka: %s", redrive, error.str())


@contextmanager
def _turn(redrive_id: int) -> Iterator[bool]:
    """Whether this connection got the redrive's turn, which dies with it."""
    key = (TURNS, redrive_id % 2**31)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _taken(redrive_id: int) -> bool:
    with _turn(redrive_id) as mine:
        return not mine
