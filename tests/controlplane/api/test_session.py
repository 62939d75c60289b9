from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from controlplane.accounts.logins import MOST
from controlplane.accounts.models import AuditEntry, LoginAttempt
from controlplane.core.roles import Role
from tests.controlplane.api.conftest import PASSWORD, person

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
SESSION = "/api/v1/session"


class Browser:
    """Keeps cookies, and sends the CSRF token as the console does."""

    def __init__(self, address: str = "127.0.0.1", **headers: str) -> None:
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address, headers=headers)
        self.client.get(SESSION)

    def call(self, method: str, path: str = SESSION, **body: str):
        token = self.client.cookies["csrftoken"].value
        send = getattr(self.client, method)
        return send(path, body, content_type="application/json", headers={"X-CSRFToken": token})

    def login(self, username: str, password: str = PASSWORD):
        return self.call("post", username=username, password=password)


def test_nobody_is_signed_in_at_first() -> None:
    assert Client().get(SESSION).json() == {"user": None}


def test_a_login_lasts_until_it_is_ended() -> None:
    person(Role.OPERATOR)
    browser = Browser()
    assert browser.login("operator").json() == {"user": {"username": "operator", "role": "operator"}}
    assert browser.client.get(SESSION).json()["user"]["role"] == "operator"
    assert browser.call("delete").status_code == 204
    assert browser.client.get(SESSION).json() == {"user": None}


def test_signing_in_and_out_is_in_the_audit_log_and_a_failure_is_not() -> None:
    person(Role.OPERATOR)
    browser = Browser()
    browser.login("operator", "wrong")
    browser.login("operator")
    browser.call("delete")
    browser.call("delete")  # by nobody
    entries = AuditEntry.objects.order_by("pk").values_list("actor__username", "action", "object")
    place = ("user/operator",)
    assert list(entries) == [("operator", "session.started", *place), ("operator", "session.ended", *place)]
    assert all(AuditEntry.objects.values_list("request_id", flat=True))


@pytest.mark.parametrize("cookie", ['"aaaaaaaa\\000b"', '"' + "\\377" * 32 + '"', "x" * 5000, "ü" * 32, "A" * 32, "a"])
@pytest.mark.parametrize("path", [SESSION, "/api/v1/pipelines", "/admin/login/"])
def test_a_cookie_that_is_no_session_is_nobodys(path: str, cookie: str) -> None:
    client = Client(raise_request_exception=False, headers={"Cookie": f"sessionid={cookie}"})
    assert client.get(path).status_code in (200, 302, 401, 503)
    assert client.post(path).status_code in (200, 302, 401, 403, 405, 415)
    assert client.get(SESSION).json() == {"user": None}


def test_a_login_without_the_csrf_token_is_refused() -> None:
    person(Role.VIEWER)
    client = Client(enforce_csrf_checks=True)
    answer = client.post(SESSION, {"username": "viewer", "password": PASSWORD}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_change_in_a_session_needs_the_csrf_token() -> None:
    person(Role.VIEWER)
    browser = Browser()
    browser.login("viewer")
    body = {"name": "n", "scope": "read", "expires_in_days": 1}
    answer = browser.client.post("/api/v1/tokens", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize("username", ["viewer", "stranger"])
def test_a_wrong_password_and_an_unknown_name_look_the_same(username: str) -> None:
    person(Role.VIEWER)
    answer = Browser().login(username, "wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "login_failed")
    assert "detail" in answer.json()
    assert username not in answer.content.decode()


def test_somebody_who_was_deactivated_does_not_get_in() -> None:
    user = person(Role.VIEWER)
    user.is_active = False
    user.save()
    assert Browser().login("viewer").status_code == 401


def fail(times: int, username: str = "viewer", address: str = "127.0.0.1") -> None:
    for _ in range(times):
        assert Browser(address).login(username, "wrong").status_code == 401


def test_after_ten_failures_a_name_waits_wherever_it_comes_from() -> None:
    person(Role.VIEWER)
    fail(MOST)
    answer = Browser("10.0.0.9").login("viewer")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert int(answer["Retry-After"]) == 300


def test_after_ten_failures_an_address_waits_whatever_name_it_uses() -> None:
    person(Role.VIEWER)
    for number in range(MOST):
        fail(1, f"name-{number}")
    assert Browser().login("viewer").status_code == 429
    assert Browser("10.0.0.9").login("viewer").status_code == 200


def test_a_forwarded_address_is_not_believed() -> None:
    for number in range(MOST):
        browser = Browser(**{"X-Forwarded-For": f"10.0.0.{number}"})
        assert browser.login(f"name-{number}", "wrong").status_code == 401
    assert Browser(**{"X-Forwarded-For": "10.0.0.200"}).login("other", "wrong").status_code == 429


def test_what_was_refused_does_not_lengthen_the_wait() -> None:
    person(Role.VIEWER)
    fail(MOST)
    Browser().login("viewer")
    for attempt in LoginAttempt.objects.order_by("pk")[: 2 * MOST]:
        LoginAttempt.objects.filter(pk=attempt.pk).update(at=attempt.at - timedelta(minutes=6))
    assert Browser().login("viewer").status_code == 200


def test_a_login_forgives_the_failures_of_its_name() -> None:
    person(Role.VIEWER)
    fail(MOST - 1)
    assert Browser("10.0.0.9").login("viewer").status_code == 200
    fail(1, address="10.0.0.9")
    assert Browser("10.0.0.9").login("viewer").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_fifty_logins_at_once_ten_passwords_are_looked_at() -> None:
    def attempt(_: int) -> int:
        try:
            return Browser().login("viewer", "wrong").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(attempt, range(50)))
    assert set(answers) <= {401, 429}
    assert answers.count(401) <= MOST


def test_the_admins_own_page_is_throttled_too() -> None:
    person(Role.ADMINISTRATOR)
    fail(MOST, "administrator")
    answer = Client().post("/admin/login/", {"username": "administrator", "password": PASSWORD})
    assert answer.status_code == 200
    assert "too many logins failed" in answer.content.decode()
