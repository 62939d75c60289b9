from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test import Client

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def client(settings, redis_url: str) -> Client:
    settings.REDIS_URL = redis_url
    return Client()


def test_a_process_that_answers_is_healthy_and_with_all_it_needs_ready(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "missing": []})


def test_without_redis_it_says_so(client: Client, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["redis"])


def test_without_the_database_it_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["database"])
    assert client.get("/healthz").status_code == 200


def test_metrics_are_prometheus_own(client: Client) -> None:
    client.get("/healthz")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert "django_http_requests_total_by_method_total" in answer.content.decode()
