"""Every operation of the schema, by callers who may not, with methods and headers that are not for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry
from controlplane.accounts.services import token_revoke, user_change
from controlplane.core.roles import Role, Scope
from controlplane.pipelines.models import Pipeline
from tests.controlplane.api.conftest import Caller, person
from tests.controlplane.api.test_hostile import EVERY, OPERATIONS, filled, refused_or_served

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
FOR_ANYBODY = {"session_get", "session_create", "session_delete"}
PATHS = sorted({item.values[1] for item in OPERATIONS})


def asked(client: Client, method: str, path: str, **headers: str) -> Any:
    return client.generic(method.upper(), filled(path), b"{}", content_type="application/json", headers=headers)


def expired(caller: Caller) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def revoked(caller: Caller) -> None:
    token_revoke(token_id=ApiToken.objects.get(user=caller.user).pk, owner=None, actor=None)


def retired(caller: Caller) -> None:
    person(Role.ADMINISTRATOR)
    assert caller.user is not None
    user_change(user=caller.user, actor=None, active=False)


@pytest.mark.parametrize("end", [expired, revoked, retired])
def test_a_token_that_is_good_no_more_opens_nothing_at_all(operator: Caller, pipeline: Pipeline, end: Any) -> None:
    end(operator)
    noted = AuditEntry.objects.count()
    for item in OPERATIONS:
        method, path, described = item.values
        answer = asked(operator.client, method, path)
        assert answer.status_code == 401, described["operationId"]
        refused_or_served(answer, path)
    assert AuditEntry.objects.count() == noted


@EVERY
def test_nobody_gets_nothing(nobody: Caller, pipeline: Pipeline, method: str, path: str, described: Any) -> None:
    answer = asked(nobody.client, method, path)
    refused_or_served(answer, path)
    assert described["operationId"] in FOR_ANYBODY or answer.status_code == 401


@pytest.mark.parametrize(("role", "scope"), [(Role.VIEWER, Scope.WRITE), (Role.ADMINISTRATOR, Scope.READ)])
def test_who_may_only_read_changes_nothing(pipeline: Pipeline, role: Role, scope: Scope) -> None:
    caller = Caller(person(role), scope)
    noted = AuditEntry.objects.count()
    asks = {"ledger_verifications_create", "traces_create", "delays_create"}
    own = {"tokens_create", "tokens_delete", *asks} if scope == Scope.WRITE else set()
    for item in OPERATIONS:
        method, path, described = item.values
        if method == "get" or described["operationId"] in FOR_ANYBODY | own:
            continue
        answer = asked(caller.client, method, path)
        assert answer.status_code == 403, described["operationId"]
    assert AuditEntry.objects.count() == noted


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_a_place_does_not_have_is_refused(
    administrator: Caller, pipeline: Pipeline, no_broker: None, path: str
) -> None:
    allowed = {item.values[0].upper() for item in OPERATIONS if item.values[1] == path}
    for method in {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get"}:
        if method in allowed or method.upper() in allowed or (method == "HEAD" and "GET" in allowed):
            continue
        for headers in ({}, {"X-HTTP-Method-Override": next(iter(allowed))}):
            answer = administrator.client.generic(method, filled(path), headers=headers)
            assert answer.status_code == 405, (method, headers)
    if "GET" in allowed and "{" not in path.replace("{name}", ""):
        read, head = (administrator.client.generic(method, filled(path)) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (read.status_code, b"")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Accept", "text/html"), ("Accept", "x"), ("Accept", "*/*;q=x"), ("Accept", "application/json; version=\xff"),
        ("Accept", "," * 5000), ("Accept-Language", "\xff"), ("If-None-Match", "*"), ("If-None-Match", '"' * 5000),
        ("If-Modified-Since", "never"), ("Range", "bytes=-1"), ("Origin", "null"), ("Referer", "//["),
        ("X-Forwarded-For", "'"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"),
        ("Authorization", "Bearer"), ("Authorization", "Basic ="), ("Authorization", "Bearer " + "\xff" * 5000),
        ("Cookie", "csrftoken=\xff; sessionid="), ("Content-Encoding", "gzip"), ("Expect", "x"),
    ],
)  # fmt: skip
def test_a_header_that_nobody_should_send_is_no_failure_of_ours(
    administrator: Caller, pipeline: Pipeline, name: str, value: str
) -> None:
    for path in ("/api/v1/session", "/api/v1/environment", "/api/v1/schema", "/api/v1/docs", "/api/v1/pipelines"):
        answer = administrator.client.get(path, headers={name: value})
        assert answer.status_code in (200, 401, 406), path
        assert "evil.example" not in answer.content.decode()
    drain = "/api/v1/pipelines/plant/streaming-job/drain"
    refused_or_served(administrator.client.post(drain, b"{}", "application/json", headers={name: value}), name)


def test_a_session_without_the_csrf_token_changes_nothing_from_any_origin(pipeline: Pipeline) -> None:
    user = person(Role.ADMINISTRATOR)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    client.get("/api/v1/session")
    token = client.cookies["csrftoken"].value
    noted = AuditEntry.objects.count()
    for item in OPERATIONS:
        method, path, described = item.values
        if method == "get":
            continue
        for headers in ({}, {"X-CSRFToken": "x"}, {"X-CSRFToken": token, "Origin": "http://evil.example"}):
            answer = asked(client, method, path, **headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed"), described["operationId"]
    assert AuditEntry.objects.count() == noted
