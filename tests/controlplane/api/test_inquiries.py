from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.ledger.models import Inquiry
from controlplane.ledger.services import inquiries_prune, inquiry_start, inquiry_succeed
from controlplane.ledger.services.inquiries import MOST_WAITING
from controlplane.pipelines.models import Pipeline
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
TRACES, DELAYS = "pipelines/plant/traces", "pipelines/plant/delays"
PLACE = {"partition": 0, "offset": 7}


def test_a_trace_is_asked_for_once_and_its_answer_found_at_its_address(viewer: Caller, pipeline: Pipeline) -> None:
    asked = viewer.post(TRACES, **PLACE)
    assert asked.status_code == 202
    number = asked.json()["id"]
    assert viewer.post(TRACES, **PLACE).json()["id"] == number
    assert viewer.post(TRACES, partition=0, offset=8).json()["id"] != number
    inquiry_start(inquiry_id=number)
    inquiry_succeed(inquiry_id=number, result={"found": False, "words": "w", "records": [], "problems": []})
    found = viewer.get(f"{TRACES}/{number}").json()
    assert (found["status"], found["question"], found["result"]["words"]) == ("succeeded", PLACE, "w")
    assert viewer.get(f"{DELAYS}/{number}").status_code == 404
    assert viewer.post(TRACES, **PLACE).json()["id"] != number


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"sensor_id": "s"},
        {"timestamp": "2026-03-01T12:00:00Z"},
        {"sensor_id": "s", "timestamp": "noon"},
        {"sensor_id": "s", "timestamp": "2026-03-01T12:00:00Z", "offset": 1},
        {"partition": 0},
        {"partition": -1, "offset": 0},
        {"partition": 0, "offset": 2**63},
        {"partition": 0, "offset": 0, "place": "x"},
        {"topic": "x\x00", "partition": 0, "offset": 0},
    ],
)
def test_what_is_no_place_and_no_reading_is_refused(
    viewer: Caller, pipeline: Pipeline, question: dict[str, Any]
) -> None:
    assert viewer.post(TRACES, **question).status_code == 400
    assert not Inquiry.objects.exists()


@pytest.mark.parametrize(
    "question",
    [
        {"minutes": [-1]},
        {"minutes": [1441]},
        {"minutes": ["ten"]},
        {"minutes": [1.0] * 21},
        {"first_day": "2026-03-02", "last_day": "2026-03-01"},
        {"first_day": "'; DROP TABLE readings; --"},
    ],
)
def test_a_watermark_or_a_day_that_is_none_is_refused(
    viewer: Caller, pipeline: Pipeline, question: dict[str, Any]
) -> None:
    assert viewer.post(DELAYS, **question).status_code == 400


def test_a_queue_of_questions_has_an_end(viewer: Caller, pipeline: Pipeline) -> None:
    for offset in range(MOST_WAITING):
        assert viewer.post(TRACES, partition=0, offset=offset).status_code == 202
    refused = viewer.post(TRACES, partition=1, offset=0)
    assert (refused.status_code, refused["Retry-After"]) == (429, "5")


def test_answers_are_kept_for_their_time(viewer: Caller, pipeline: Pipeline) -> None:
    for days in (40, 3):
        number = viewer.post(TRACES, **PLACE).json()["id"]
        inquiry_start(inquiry_id=number)
        inquiry_succeed(inquiry_id=number, result={})
        Inquiry.objects.filter(pk=number).update(finished_at=timezone.now() - timedelta(days=days))
    waiting = viewer.post(TRACES, **PLACE).json()["id"]
    assert inquiries_prune(days=30) == 1
    assert sorted(Inquiry.objects.values_list("pk", flat=True)) == [number, waiting]
