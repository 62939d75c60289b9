from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry
from controlplane.core.roles import Role, Scope
from tests.controlplane.api.conftest import Caller, person

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
WANTED = {"name": "laptop", "scope": "read", "expires_in_days": 30}


@pytest.fixture
def signed_in(db: None) -> Client:
    client = Client()
    client.force_login(person(Role.VIEWER))
    return client


def make(client: Client, **changes: object) -> dict:
    answer = client.post("/api/v1/tokens", WANTED | changes, content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    return answer.json()


def with_token(text: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {text}"})


def test_a_token_is_shown_once_and_kept_as_its_digest(signed_in: Client) -> None:
    made = make(signed_in)
    assert made["token"].startswith("pst_")
    kept = ApiToken.objects.get()
    assert kept.digest == hashlib.sha256(made["token"].encode()).hexdigest()
    listed = signed_in.get("/api/v1/tokens").json()["results"]
    assert [item["name"] for item in listed] == ["laptop"]
    assert made["token"] not in str(listed)
    assert made["token"] not in str(list(AuditEntry.objects.values()))


def test_a_token_speaks_for_its_owner_and_knows_itself(signed_in: Client) -> None:
    client = with_token(make(signed_in)["token"])
    assert client.get("/api/v1/session").json()["user"]["username"] == "viewer"
    (listed,) = client.get("/api/v1/tokens").json()["results"]
    assert listed["current"] is True
    assert listed["last_used_at"] is not None


def test_an_expired_a_revoked_and_a_made_up_token_open_nothing(signed_in: Client) -> None:
    expired, revoked = make(signed_in), make(signed_in)
    ApiToken.objects.filter(pk=expired["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert signed_in.delete(f"/api/v1/tokens/{revoked['id']}").status_code == 204
    for text in (expired["token"], revoked["token"], "pst_" + "A" * 43, "", "ü"):
        answer = with_token(text).get("/api/v1/pipelines")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"


def test_a_token_of_somebody_who_was_deactivated_opens_nothing(signed_in: Client) -> None:
    text = make(signed_in)["token"]
    ApiToken.objects.get().user.__class__.objects.update(is_active=False)
    assert with_token(text).get("/api/v1/pipelines").status_code == 401


def test_a_read_token_changes_nothing(db: None) -> None:
    reader = Caller(person(Role.ADMINISTRATOR), Scope.READ)
    answer = reader.post("pipelines/plant/streaming-job/start", reason="")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "scope write" in answer.json()["detail"]


def test_a_token_makes_no_token(viewer: Caller) -> None:
    assert viewer.post("tokens", **WANTED).status_code == 403
    assert ApiToken.objects.count() == 1


def test_nobody_revokes_or_sees_the_token_of_another(signed_in: Client, operator: Caller) -> None:
    made = make(signed_in)
    assert operator.delete(f"tokens/{made['id']}").status_code == 404
    assert made["id"] not in [item["id"] for item in operator.get("tokens").json()["results"]]
    assert with_token(made["token"]).get("/api/v1/pipelines").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("expires_in_days", 0), ("expires_in_days", 366), ("scope", "all"), ("name", ""), ("name", "a\0b"), ("role", "x")],
)
def test_a_token_that_makes_no_sense_is_refused_by_field(signed_in: Client, field: str, value: object) -> None:
    answer = signed_in.post("/api/v1/tokens", WANTED | {field: value}, content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_making_and_revoking_a_token_is_in_the_audit_log(signed_in: Client) -> None:
    made = make(signed_in)
    signed_in.delete(f"/api/v1/tokens/{made['id']}")
    entries = (
        AuditEntry.objects.filter(action__startswith="token.")
        .order_by("pk")
        .values_list("actor__username", "action", "object")
    )
    place = f"user/viewer/token/{made['id']}"
    assert list(entries) == [("viewer", "token.made", place), ("viewer", "token.revoked", place)]
