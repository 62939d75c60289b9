from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from controlplane.accounts.models import AuditEntry
from controlplane.core.bodies import LARGEST_BODY
from controlplane.core.roles import Role
from controlplane.deadletters.models import DeadLetter, IndexMark, Redrive
from controlplane.deadletters.services import Found, letters_index
from controlplane.deadletters.vocabulary import WHEN
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import DeadLetterReason
from tests.controlplane.api.conftest import Caller, person

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PATH = "pipelines/plant/dead-letters"
REDRIVES = "pipelines/plant/redrives"
READING = {
    "sensor_id": "t-1", "sensor_type": "temperature", "timestamp": "2026-03-01T11:59:00Z", "value": "21.5",
    "unit": "celsius", "location": "floor-1",
}  # fmt: skip
TO_NUMBER = [{"op": "cast", "field": "value", "to": "number"}]
PAYLOADS = {
    "wrong_type": [json.dumps(READING).encode(), json.dumps({**READING, "value": "warm"}).encode()],
    "not_utf8": [b"\xff\xfe<script>"],
    "empty": [None],
}


@pytest.fixture
def letters(pipeline: Pipeline) -> list[DeadLetter]:
    IndexMark.objects.create(pipeline=pipeline)
    refused = [(reason, payload) for reason, payloads in PAYLOADS.items() for payload in payloads]
    found = [
        Found(0, "t", 0, at, datetime(2026, 3, 1, 12, at, tzinfo=UTC), reason, b"k", payload, len(payload or b""), [])
        for at, (reason, payload) in enumerate(refused)
    ]
    assert letters_index(pipeline=pipeline, after=-1, found=found) == 4
    return list(DeadLetter.objects.order_by("pk"))


def group_of(reason: str) -> int:
    return int(DeadLetter.objects.filter(reason=reason)[0].group_id)


def listed(caller: Caller, **query: Any) -> list[int]:
    return [item["offset"] for item in caller.get(PATH, **query).json()["results"]]


def lines(answer: HttpResponse) -> list[dict[str, Any]]:
    async def read() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return [json.loads(line) for line in async_to_sync(read)().splitlines()]


def test_the_reasons_are_a_vocabulary(viewer: Caller) -> None:
    told = viewer.get("dead-letter-reasons").json()["reasons"]
    assert [item["reason"] for item in told] == [str(reason) for reason in DeadLetterReason] == [*map(str, WHEN)]


def test_letters_are_grouped_listed_and_found(viewer: Caller, letters: list[DeadLetter]) -> None:
    groups = viewer.get("pipelines/plant/dead-letter-groups").json()["results"]
    assert {(item["reason"], item["counts"]["open"]) for item in groups} == {
        ("wrong_type", 2), ("not_utf8", 1), ("empty", 1)
    }  # fmt: skip
    assert listed(viewer) == [3, 2, 1, 0]
    assert listed(viewer, reason="not_utf8") == [2]
    assert listed(viewer, group=group_of("wrong_type"), search="WARM") == [1]
    assert listed(viewer, since="2026-03-01T12:01:00Z", until="2026-03-01T12:03:00Z") == [2, 1]
    assert listed(viewer, status="discarded") == listed(viewer, again="true") == listed(viewer, search="%") == []


def test_a_payload_is_shown_as_text_or_as_base64(viewer: Caller, letters: list[DeadLetter]) -> None:
    text, binary, empty = (viewer.get(f"dead-letters/{letters[at].pk}").json() for at in (0, 2, 3))
    assert (json.loads(text["payload"]), text["encoding"], text["whole"]) == (READING, "utf-8", True)
    assert (base64.b64decode(binary["payload"]), binary["encoding"]) == (b"\xff\xfe<script>", "base64")
    assert (empty["payload"], empty["size"], empty["shape"]) == (None, 0, "empty")


def test_a_selection_is_downloaded_as_json_lines(viewer: Caller, letters: list[DeadLetter]) -> None:
    answer = viewer.get(f"{PATH}/download", reason="wrong_type")
    assert answer["Content-Type"] == "application/x-ndjson"
    assert [item["offset"] for item in lines(answer)] == [1, 0]
    assert viewer.get(f"{PATH}/download", group=10**6).status_code == 404


def test_a_dry_run_says_what_would_pass_and_changes_nothing(operator: Caller, letters: list[DeadLetter]) -> None:
    noted = AuditEntry.objects.count()
    found = operator.post(f"{PATH}/mend", mapping=TO_NUMBER, refused_as="wrong_type").json()
    assert (found["letters"], found["looked_at"], found["would_pass"], found["refused"]) == (2, 2, 1, {})
    (problem,) = found["problems"]
    assert "no finite number: 'warm'" in problem["problem"]
    (good,) = [item for item in found["samples"] if item["passes"]]
    assert (json.loads(good["before"])["value"], json.loads(good["after"])["value"]) == ("21.5", 21.5)
    assert operator.post(f"{PATH}/mend").json()["refused"] == {"wrong_type": 2, "not_utf8": 1, "empty": 1}
    assert (AuditEntry.objects.count(), Redrive.objects.count()) == (noted, 0)
    assert DeadLetter.objects.filter(status="open").count() == 4


def test_a_redrive_claims_a_group_and_the_second_one_is_a_conflict(
    operator: Caller, viewer: Caller, letters: list[DeadLetter]
) -> None:
    body = {"group": group_of("wrong_type"), "mapping": TO_NUMBER, "reason": "firmware 7", "rate": 100}
    answer = operator.post(REDRIVES, **body)
    made = answer.json()
    assert (answer.status_code, made["state"], made["claimed"]) == (202, "requested", 2)
    assert (made["mapping"], made["rate"], made["requested_by"]) == (TO_NUMBER, 100, "operator")
    assert AuditEntry.objects.get(action="redrive.requested").reason == "firmware 7"
    second = operator.post(REDRIVES, **body)
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    assert viewer.get(f"redrives/{made['id']}").json() == made == viewer.get(REDRIVES).json()["results"][0]
    cancelled = operator.post(f"redrives/{made['id']}/cancel", reason="not yet").json()
    assert (cancelled["state"], DeadLetter.objects.filter(status="open").count()) == ("cancelled", 4)
    assert operator.post(f"redrives/{made['id']}/cancel").status_code == 409


def test_letters_are_discarded_and_reopened(operator: Caller, letters: list[DeadLetter]) -> None:
    answer = operator.post(f"{PATH}/discard", reason="a test rig", refused_as="not_utf8")
    assert answer.json()["letters"] == 1
    assert operator.post(f"{PATH}/discard", reason="a test rig", refused_as="not_utf8").status_code == 409
    assert AuditEntry.objects.get(action="dead_letters.discarded").after == {"letters": 1}
    assert operator.post(f"{PATH}/reopen").json() == {"letters": 1}
    assert operator.post(f"{PATH}/reopen").status_code == 409


@pytest.mark.parametrize("path", [f"{PATH}/discard", f"{PATH}/reopen", f"{PATH}/mend", REDRIVES, "redrives/1/cancel"])
def test_a_viewer_changes_nothing(viewer: Caller, letters: list[DeadLetter], path: str) -> None:
    assert viewer.post(path, reason="r").status_code == 403
    assert DeadLetter.objects.filter(status="open").count() == 4


@pytest.mark.parametrize("path", [f"{PATH}/mend", REDRIVES])
@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"mapping": {}}, "mapping"), ({"mapping": "x"}, "mapping"), ({"mapping": None}, "mapping"),
        ({"mapping": [{"op": "drop"}]}, "mapping.0"), ({"mapping": [{}] * 51}, "mapping"),
        ({"mapping": [*TO_NUMBER, {"op": "convert", "from": "bar", "to": "celsius"}]}, "mapping.1"),
        ({"group": "1"}, "group"), ({"group": 0}, "group"), ({"group": True}, "group"), ({"group": 10**30}, "group"),
        ({"refused_as": "ugly"}, "refused_as"), ({"since": "yesterday"}, "since"), ({"until": "2026-01-01"}, "until"),
        ({"search": "a\0b"}, "search"), ({"again": "yes"}, "again"), ({"colour": "red"}, "colour"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_its_field(
    operator: Caller, letters: list[DeadLetter], path: str, told: dict[str, Any], field: str
) -> None:
    reason = {"reason": "r"} if path == REDRIVES else {}
    answer = operator.post(path, **reason, **told)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert DeadLetter.objects.filter(status="open").count() == 4


@pytest.mark.parametrize("path", [f"{PATH}/discard", REDRIVES])
def test_a_reason_is_needed_and_a_group_of_the_pipeline(operator: Caller, letters: list[DeadLetter], path: str) -> None:
    assert list(operator.post(path).json()["errors"]) == ["reason"]
    assert operator.post(path, reason="r", group=10**6).status_code == 404
    assert operator.post(path.replace("plant", "other"), reason="r").status_code == 404


def test_a_mapping_too_deep_or_too_large_is_refused(operator: Caller, letters: list[DeadLetter]) -> None:
    deep = '{"mapping": ' + "[" * 5_000 + "]" * 5_000 + "}"
    large = '{"mapping": [{"op": "' + "x" * LARGEST_BODY + '"}]}'
    for body, status in ((deep, 400), (large, 413)):
        answer = operator.client.post(f"/api/v1/{PATH}/mend", body, content_type="application/json")
        assert answer.status_code == status


def test_the_admin_shows_letters_and_changes_none(letters: list[DeadLetter]) -> None:
    client = Client()
    client.force_login(person(Role.ADMINISTRATOR))
    assert client.get(reverse("admin:deadletters_deadletter_changelist")).status_code == 200
    page = client.get(reverse("admin:deadletters_deadletter_change", args=[letters[2].pk]))
    assert page.status_code == 200
    assert b"<script>\xff" not in page.content
