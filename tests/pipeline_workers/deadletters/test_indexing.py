from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from controlplane.deadletters.models import DeadLetter, DeadLetterGroup, IndexMark
from controlplane.deadletters.services import Taken, expiry_take, letters_discard, letters_index, letters_reopen
from controlplane.ledger.selectors import accounts
from controlplane.pipelines.models import Pipeline
from pipeline_workers.deadletters.indexing import index, index_all
from tests.django_database import pipeline
from tests.pipeline_workers.deadletters.bronze import AT, reading, refuse

__all__ = ["pipeline"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(settings.PENSTOCK, "lake", str(tmp_path / "lake"))
    return str(tmp_path / "lake")


def equation() -> tuple[int, int, int, bool]:
    (found,) = [item for item in accounts("plant")["equations"] if item["name"] == "Dead letters accounted"]
    return found["left"], found["right"], found["pending"], found["holds"]


def test_letters_are_indexed_once_and_what_is_not_yet_is_pending(pipeline: Pipeline, lake: str) -> None:
    index_all()
    assert equation() == (0, 0, 0, True)
    refuse(lake, pipeline, [reading(1), reading(2), b"\xff\0", None])
    assert equation() == (4, 0, 4, True)
    assert (index(pipeline), index(pipeline)) == (4, 0)
    assert equation() == (4, 4, 0, True)
    refuse(lake, pipeline, [b"x" * 100_000], batch=1, first=4, reason="malformed_json")
    assert equation() == (5, 4, 1, True)
    assert index(pipeline) == 1
    large = DeadLetter.objects.get(offset=4)
    assert (large.size, len(large.payload), large.whole) == (100_000, 65_536, False)
    shapes = set(DeadLetterGroup.objects.values_list("reason", "shape"))
    assert ("wrong_type", "not UTF-8") in shapes
    assert ("malformed_json", "over 65,536 bytes") in shapes
    assert len(shapes) == 4


def test_a_letter_that_the_index_has_lost_is_an_imbalance(pipeline: Pipeline, lake: str) -> None:
    refuse(lake, pipeline, [reading(1), reading(2)])
    index(pipeline)
    DeadLetter.objects.filter(offset=0).delete()
    assert equation() == (2, 1, 0, False)


def test_an_index_whose_mark_is_lost_finds_everything_again_and_nothing_twice(pipeline: Pipeline, lake: str) -> None:
    refuse(lake, pipeline, [reading(1), reading(2)])
    index(pipeline)
    IndexMark.objects.update(ingest_seq=-1)
    index(pipeline)
    assert equation() == (2, 2, 0, True)
    assert letters_index(pipeline=pipeline, after=-1, found=[]) is None


def test_a_redriven_record_that_is_refused_again_is_marked(pipeline: Pipeline, lake: str) -> None:
    refuse(lake, pipeline, [reading(1)], headers=[("penstock-redrive", b"7"), ("penstock-origin", b"t/0/5")])
    index(pipeline)
    letter = DeadLetter.objects.get()
    assert (letter.again, letter.origin) == (True, "t/0/5")


def test_discarded_letters_stay_in_the_accounts_and_are_opened_again(pipeline: Pipeline, lake: str) -> None:
    refuse(lake, pipeline, [reading(number) for number in range(5)])
    index(pipeline)
    _, count = letters_discard(pipeline="plant", actor=None, reason="test rig", search='"t-1"')
    assert (count, equation()) == (1, (5, 5, 0, True))
    assert letters_discard(pipeline="plant", actor=None, reason="all")[1] == 4
    assert letters_reopen(pipeline="plant", actor=None) == 5
    assert equation() == (5, 5, 0, True)


def test_what_retention_took_has_expired_if_it_was_open(pipeline: Pipeline, lake: str) -> None:
    refuse(lake, pipeline, [reading(number) for number in range(4)])
    index(pipeline)
    letters_discard(pipeline="plant", actor=None, reason="r", search='"t-0"')
    taken = [Taken(pipeline.topic, 0, 0, 2, AT, "wrong_type")]
    assert expiry_take(pipeline=pipeline, expiry=1, taken=taken) == 3
    assert expiry_take(pipeline=pipeline, expiry=1, taken=taken) == 0
    statuses = list(DeadLetter.objects.order_by("offset").values_list("status", flat=True))
    assert statuses == ["discarded", "expired", "expired", "open"]
    assert equation() == (4, 4, 0, True)
