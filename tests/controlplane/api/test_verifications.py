from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.accounts.models import AuditEntry
from controlplane.core.models import Outbox
from controlplane.ledger.models import Inquiry
from controlplane.ledger.services.inquiries import FORGOTTEN, LOST, inquiries_recover, inquiry_start
from controlplane.ledger.states import InquiryStatus
from controlplane.pipelines.models import Pipeline
from pipeline_workers.inquiries import recounting
from pipeline_workers.tasks import answer_inquiry
from pipeline_workers.verification import Unreadable
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PATH = "pipelines/plant/ledger/verifications"
RESULT = {
    "pipeline": "plant", "kafka": 2, "accepted": 2, "dead_letters": 0, "expired": 0, "refined": 2, "silver": 2,
    "duplicates": 0,
    "deferred": 0, "aggregated": 2, "gold_readings": 2, "warehouse_readings": 2, "anomalies": 0,
    "dead_letters_by_reason": {}, "pending": {"bronze": 0, "silver": 0, "gold": 0},
    "equations": [{"name": "Kafka = Bronze", "left": 2, "right": 2, "pending": 0, "holds": True}],
    "balanced": True, "problems": [], "where": {"kafka": "sensor-events"},
}  # fmt: skip


@pytest.fixture
def asked(viewer: Caller, pipeline: Pipeline) -> dict[str, Any]:
    answer = viewer.post(PATH, reason="end of the month")
    assert answer.status_code == 202
    return answer.json()


def found(viewer: Caller, asked: dict[str, Any]) -> dict[str, Any]:
    return viewer.get(f"{PATH}/{asked['id']}").json()


def counting(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> None:
    """The recount itself is tested in tests/verification; here it is what it may come to."""

    def verify(pipeline: str) -> dict[str, Any]:
        if isinstance(outcome, Exception):
            raise outcome
        return dict(outcome)

    monkeypatch.setattr(recounting, "verify", verify)


def test_a_recount_is_asked_for_and_leaves_a_task(viewer: Caller, asked: dict[str, Any]) -> None:
    assert (asked["status"], asked["result"], asked["finished_at"]) == ("requested", None, None)
    (task,) = Outbox.objects.filter(task="penstock.answer_inquiry")
    assert task.arguments == {"inquiry_id": asked["id"]}
    assert AuditEntry.objects.get(action="ledger.verification_requested").reason == "end of the month"


def test_asking_again_while_one_waits_is_the_same_recount(viewer: Caller, asked: dict[str, Any]) -> None:
    assert viewer.post(PATH).json()["id"] == asked["id"]
    assert Outbox.objects.filter(task="penstock.answer_inquiry").count() == 1


def test_what_the_worker_found_is_the_result(
    viewer: Caller, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counting(monkeypatch, RESULT)
    answer_inquiry(asked["id"])
    done = found(viewer, asked)
    assert (done["status"], done["result"]) == ("succeeded", RESULT)
    assert done["finished_at"] is not None
    assert viewer.post(PATH).json()["id"] != asked["id"]


def test_what_cannot_be_counted_fails_with_its_reason(
    viewer: Caller, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counting(monkeypatch, Unreadable("the topic is not there"))
    answer_inquiry(asked["id"])
    assert (found(viewer, asked)["status"], found(viewer, asked)["reason"]) == ("failed", "the topic is not there")


def test_an_error_of_ours_ends_it_too(viewer: Caller, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    counting(monkeypatch, KeyError("bronze"))
    answer_inquiry(asked["id"])
    assert (found(viewer, asked)["status"], found(viewer, asked)["reason"]) == ("failed", "KeyError: 'bronze'")


def test_a_second_copy_of_the_task_counts_nothing(
    viewer: Caller, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inquiry_start(inquiry_id=asked["id"])
    counting(monkeypatch, AssertionError("counted twice"))
    answer_inquiry(asked["id"])
    assert found(viewer, asked)["status"] == "running"


def test_a_recount_whose_worker_was_lost_does_not_run_for_ever(viewer: Caller, asked: dict[str, Any]) -> None:
    inquiry_start(inquiry_id=asked["id"])
    assert inquiries_recover() == 0
    Inquiry.objects.update(started_at=timezone.now() - LOST - timedelta(seconds=1))
    assert inquiries_recover() == 1
    assert (found(viewer, asked)["status"], found(viewer, asked)["reason"]) == (
        InquiryStatus.FAILED,
        "the worker that had it was lost",
    )


def test_a_recount_that_the_queue_forgot_is_asked_for_again(asked: dict[str, Any]) -> None:
    assert inquiries_recover() == 0
    Inquiry.objects.update(asked_at=timezone.now() - FORGOTTEN - timedelta(seconds=1))
    assert (inquiries_recover(), inquiries_recover()) == (1, 0)
    assert Outbox.objects.filter(task="penstock.answer_inquiry").count() == 2


def test_a_recount_belongs_to_its_pipeline(viewer: Caller, asked: dict[str, Any]) -> None:
    Pipeline.objects.create(name="other", topic="t")
    assert viewer.get(f"pipelines/other/ledger/verifications/{asked['id']}").status_code == 404
