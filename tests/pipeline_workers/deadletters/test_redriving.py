from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from django.conf import settings
from django.db import connection

from controlplane.core.errors import IllegalMove, Invalid
from controlplane.core.models import Outbox
from controlplane.deadletters.models import DeadLetter, Redrive
from controlplane.deadletters.services import redrive_cancel, redrive_request, redrive_start
from controlplane.deadletters.services.redrives import NothingToDo
from controlplane.ledger.models import LedgerTotal
from controlplane.ledger.selectors import accounts
from controlplane.pipelines.models import Pipeline
from pipeline_workers.deadletters import redriving
from pipeline_workers.deadletters.indexing import index
from pipeline_workers.deadletters.redriving import redrive, redrives_recover
from tests.django_database import pipeline, queue_away, topic
from tests.pipeline_workers.deadletters.bronze import TO_NUMBER, reading, refuse

__all__ = ["pipeline", "queue_away", "topic"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue_away")]
LETTERS = 60
# A worker that is killed at a place where a kill hurts: before Kafka commits the second chunk, or right after.
KILLED = """
import os, signal, sys
import django; django.setup()
from django.conf import settings
from pipeline_workers.deadletters import redriving, sender
redriving.CHUNK = 20
calls = []
def die(when, real):
    def call(*args, **named):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    return call
if sys.argv[2] == "before":
    class Producer(sender.Producer):
        def commit_transaction(self, *args):
            calls.append(1)
            if len(calls) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().commit_transaction(*args)
    sender.Producer = Producer
else:
    redriving.chunk_end = die("after", redriving.chunk_end)
redriving.redrive(int(sys.argv[1]))
"""


@pytest.fixture
def letters(pipeline: Pipeline, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Indexed letters, all of which a cast mends."""
    lake = str(tmp_path / "lake")
    monkeypatch.setitem(settings.PENSTOCK, "lake", lake)
    refuse(lake, pipeline, [reading(number) for number in range(LETTERS)])
    index(pipeline)
    return pipeline


def records(pipeline: Pipeline) -> list[tuple[str, str, dict[str, bytes]]]:
    """Key, value and headers of what the pipeline's topic holds for good."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.PENSTOCK["bootstrap_servers"], "group.id": "test",
            "isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.partition.eof": True,
        }
    )  # fmt: skip
    found, ended = [], set()
    consumer.assign([TopicPartition(pipeline.topic, number, 0) for number in range(3)])
    while len(ended) < 3:
        message = consumer.poll(10)
        assert message is not None
        if message.error() is None:
            found.append((message.key().decode(), message.value().decode(), dict(message.headers() or [])))
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF
            ended.add(message.partition())
    consumer.close()
    return found


def origins(pipeline: Pipeline) -> Counter[str]:
    return Counter(headers["penstock-origin"].decode() for _, _, headers in records(pipeline))


def accounted() -> bool:
    (found,) = [item for item in accounts("plant")["equations"] if item["name"] == "Dead letters accounted"]
    return bool(found["holds"])


def asked(**more: object) -> Redrive:
    return redrive_request(pipeline="plant", actor=None, reason="r", **{"mapping": TO_NUMBER, **more})  # type: ignore[arg-type]


def test_letters_are_mended_and_sent_once_with_where_they_came_from(letters: Pipeline) -> None:
    made = asked()
    assert accounted()
    redrive(made.pk)
    redrive(made.pk)
    made.refresh_from_db()
    assert (made.state, made.claimed, made.sent, made.left) == ("succeeded", LETTERS, LETTERS, 0)
    found = records(letters)
    assert len(found) == LETTERS
    for key, value, headers in found:
        assert (json.loads(value)["value"], json.loads(value)["sensor_id"]) == (21.5, key)
        assert headers["penstock-redrive"] == str(made.pk).encode()
    assert set(origins(letters).values()) == {1}
    assert LedgerTotal.objects.get(measure="redriven").count == LETTERS
    assert accounted()
    letter = DeadLetter.objects.order_by("pk")[0]
    assert (letter.status, letter.redrive_id, letter.sent_offset is not None) == ("redriven", made.pk, True)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_half_way_leaves_nothing_twice_and_nothing_out(letters: Pipeline, moment: str) -> None:
    made = asked()
    database = connection.settings_dict
    user = f"{quote(database['USER'], safe='')}:{quote(database['PASSWORD'], safe='')}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "controlplane.config.settings.test",
        "PENSTOCK_DATABASE_URL": f"postgresql://{user}@{database['HOST']}:{database['PORT']}/{database['NAME']}",
        "PENSTOCK_BOOTSTRAP_SERVERS": settings.PENSTOCK["bootstrap_servers"],
    }
    done = subprocess.run([sys.executable, "-c", KILLED, str(made.pk), moment], env=environment, timeout=120)
    assert done.returncode == -signal.SIGKILL
    made.refresh_from_db()
    assert (made.state, made.sent, made.marks is not None) == ("running", 20, True)
    assert accounted()
    assert sum(origins(letters).values()) == (20 if moment == "before" else 40)
    redrive(made.pk)
    made.refresh_from_db()
    assert (made.state, made.sent, made.marks) == ("succeeded", LETTERS, None)
    assert origins(letters) == {f"{letters.topic}/0/{offset}": 1 for offset in range(LETTERS)}
    assert accounted()


def test_of_two_who_redrive_a_group_at_once_each_letter_goes_to_one(letters: Pipeline) -> None:
    def ask(_: int) -> Redrive | None:
        try:
            return asked()
        except NothingToDo:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        made = [item for item in both.map(ask, range(2)) if item is not None]
    assert [item.claimed for item in made] == [LETTERS]
    assert Redrive.objects.count() == 1


def test_two_workers_with_one_redrive_send_each_letter_once(letters: Pipeline) -> None:
    made = asked()

    def send(_: int) -> None:
        try:
            redrive(made.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as both:
        list(both.map(send, range(2)))
    redrive(made.pk)
    assert set(origins(letters).values()) == {1}
    assert len(origins(letters)) == LETTERS


def test_what_would_be_refused_again_is_left_open_unless_it_is_asked_for(letters: Pipeline) -> None:
    made = asked(mapping=[])
    redrive(made.pk)
    made.refresh_from_db()
    assert (made.state, made.sent, made.left) == ("succeeded", 0, LETTERS)
    assert DeadLetter.objects.filter(status="open").count() == LETTERS
    assert accounted()
    again = asked(mapping=[], unchecked=True)
    redrive(again.pk)
    again.refresh_from_db()
    assert (again.sent, len(records(letters))) == (LETTERS, LETTERS)


def test_a_cancelled_redrive_opens_what_it_has_not_sent(letters: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = asked()
    assert redrive_cancel(redrive_id=waiting.pk, actor=None).state == "cancelled"
    made = asked()
    monkeypatch.setattr(redriving, "CHUNK", 20)
    monkeypatch.setattr(redriving, "TURN_SECONDS", 0.0)
    redrive(made.pk)
    made.refresh_from_db()
    assert (made.state, made.sent, Outbox.objects.filter(task="penstock.redrive").count() >= 2) == ("running", 20, True)
    assert redrive_cancel(redrive_id=made.pk, actor=None, reason="wrong mapping").state == "cancelling"
    redrive(made.pk)
    made.refresh_from_db()
    assert (made.state, made.sent, made.cause) == ("cancelled", 20, "cancelled: wrong mapping")
    assert Counter(DeadLetter.objects.values_list("status", flat=True)) == {"redriven": 20, "open": LETTERS - 20}
    assert accounted()
    with pytest.raises(IllegalMove):
        redrive_cancel(redrive_id=made.pk, actor=None)


def test_a_redrive_that_nobody_works_on_is_asked_for_again(letters: Pipeline) -> None:
    made = asked()
    redrive_start(redrive=made)
    Outbox.objects.all().delete()
    redrives_recover()
    assert Outbox.objects.get().arguments == {"redrive_id": made.pk}


def test_a_redrive_without_a_reason_or_with_a_mapping_that_makes_no_sense_claims_nothing(letters: Pipeline) -> None:
    with pytest.raises(Invalid):
        redrive_request(pipeline="plant", actor=None, reason="")
    with pytest.raises(Invalid):
        asked(mapping=[{"op": "drop"}])
    assert DeadLetter.objects.filter(status="open").count() == LETTERS
