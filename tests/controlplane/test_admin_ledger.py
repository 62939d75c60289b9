"""What an administrator asks of the ledger and makes of dead letters on the admin's pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.accounts.models import AuditEntry
from controlplane.core.roles import Role
from controlplane.deadletters.models import DeadLetter, DeadLetterGroup, Redrive
from controlplane.ledger.models import Inquiry
from controlplane.pipelines.models import Pipeline
from tests.controlplane.api import rows
from tests.controlplane.api.conftest import person

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
ASK = "admin:ledger_inquiry_add"
GROUPS = "admin:deadletters_deadlettergroup_changelist"


@pytest.fixture
def client(db: None) -> Client:
    made = Client()
    made.force_login(person(Role.ADMINISTRATOR))
    return made


def asked(client: Client, pipeline: Pipeline, **told: Any) -> Any:
    return client.post(reverse(ASK), {"pipeline": pipeline.pk, **told}, follow=True)


def test_a_question_is_asked_and_its_answer_has_a_page(client: Client, pipeline: Pipeline) -> None:
    assert asked(client, pipeline, kind="trace", partition="0", offset="7").status_code == 200
    asked(client, pipeline, kind="trace", sensor_id="t-1", timestamp="2026-03-01T12:00:00+01:00")
    asked(client, pipeline, kind="recount")
    asked(client, pipeline, kind="delays")
    assert list(Inquiry.objects.order_by("pk").values_list("kind", "question")) == [
        ("trace", {"partition": 0, "offset": 7}),
        ("trace", {"sensor_id": "t-1", "timestamp": "2026-03-01T11:00:00+00:00"}),
        ("recount", {}),
        ("delays", {}),
    ]
    assert AuditEntry.objects.get(action="ledger.verification_requested").actor.username == "administrator"
    page = reverse("admin:ledger_inquiry_change", args=[Inquiry.objects.first().pk])
    assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "trace"},
        {"kind": "trace", "sensor_id": "t-1"},
        {"kind": "trace", "sensor_id": "t-1", "timestamp": "noon"},
        {"kind": "trace", "partition": "-1", "offset": "0"},
        {"kind": "trace", "partition": "x", "offset": "0"},
        {"kind": "recount", "offset": "1"},
        {"kind": "delays", "offset": "1"},
        {"kind": "guess"},
    ],
)
def test_what_is_no_question_is_a_message_and_nothing_is_asked(
    client: Client, pipeline: Pipeline, told: dict[str, str]
) -> None:
    assert asked(client, pipeline, **told).status_code == 200
    assert not Inquiry.objects.exists()


@pytest.fixture
def group(pipeline: Pipeline) -> DeadLetterGroup:
    rows.letters(pipeline, range(3))
    return DeadLetterGroup.objects.get()


def do(client: Client, group: DeadLetterGroup, action: str, **told: str) -> str:
    posted = {"action": action, "_selected_action": [group.pk], **told}
    return str(client.post(reverse(GROUPS), posted, follow=True).content.decode())


def statuses() -> list[str]:
    return sorted(set(DeadLetter.objects.values_list("status", flat=True)))


def test_a_group_is_discarded_reopened_and_redriven_with_reason_and_mapping(
    client: Client, group: DeadLetterGroup
) -> None:
    assert "done" in do(client, group, "discard", reason="a test rig")
    assert statuses() == ["discarded"]
    do(client, group, "reopen", reason="it was none")
    assert statuses() == ["open"]
    do(client, group, "redrive", reason="firmware 7", mapping='[{"op": "cast", "field": "value", "to": "number"}]')
    made = Redrive.objects.get()
    assert (made.claimed, made.reason, made.mapping[0]["op"]) == (3, "firmware 7", "cast")
    actions = AuditEntry.objects.exclude(reason="").order_by("pk").values_list("action", "reason")
    assert list(actions) == [
        ("dead_letters.discarded", "a test rig"),
        ("dead_letters.reopened", "it was none"),
        ("redrive.requested", "firmware 7"),
    ]
    cancel = {"action": "cancel", "_selected_action": [made.pk]}
    client.post(reverse("admin:deadletters_redrive_changelist"), cancel)
    assert statuses() == ["open"]


@pytest.mark.parametrize(
    ("action", "told", "words"),
    [
        ("discard", {}, "a discard needs a reason"),
        ("redrive", {}, "a redrive needs a reason"),
        ("redrive", {"reason": "r", "mapping": "{"}, "No action selected"),
        ("redrive", {"reason": "r", "mapping": '[{"op": "explode"}]'}, "group"),
        ("discard", {"reason": "a\tb"}, "one line is needed"),
        ("reopen", {"reason": "r"}, "no letter of the selection is discarded"),
    ],
)
def test_what_is_refused_is_a_message_and_changes_nothing(
    client: Client, group: DeadLetterGroup, action: str, told: dict[str, str], words: str
) -> None:
    assert words in do(client, group, action, **told)
    assert statuses() == ["open"]
    assert not Redrive.objects.exists()
