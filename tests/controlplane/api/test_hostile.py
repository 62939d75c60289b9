"""Everything that the schema names, called with what nobody should send: never a failure of ours, always a problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator

from controlplane.core.bodies import LARGEST_BODY
from controlplane.core.roles import Role
from controlplane.pipelines.models import Pipeline
from tests.controlplane.api.conftest import Caller, person
from tests.controlplane.api.test_fields import BODIES as BODIES_THAT_ARE_RIGHT

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

TEXTS = [
    "", " ", "a\0b", "../../etc/passwd", "%2e%2e%2f", "'; DROP TABLE x; --", "<script>alert(1)</script>",
    "x" * 3000, "ü\u202e", "-1", "0", "9" * 20, "9" * 5000, "1e999", "NaN", "null", "[]", "a\r\nX-Injected: 1",
]  # fmt: skip
BODIES: list[Any] = [
    None, [], {}, "text", 7, True, 1e308, [[]], {"": ""}, {"reason": 7}, {"reason": "a\0b"}, {"reason": "x" * 501},
    {"reason": "\ud800"}, {"\ud800": 1}, {"a" * 5000: 1}, {"configuration": []}, {"configuration": {"\ud800": "\0"}},
    {"username": "\0", "password": []}, {"username": "u", "password": {"a": 1}},
    {"name": "\ud800", "scope": "\ud800", "expires_in_days": "9" * 400},
    {"unit": {}, "normal_low": "NaN", "normal_high": 10**400, "physical_low": [], "physical_high": None},
]  # fmt: skip
RAW = [
    b"", b"{", b"\xff\xfe", b'{"a": 1', b"\x00", b"[" * 100_000, b'{"a":' * 50_000, b"NaN", b'{"reason": 1e999}',
    b"9" * 10_000, b"<xml/>",
]  # fmt: skip


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        for method, described in methods.items():
            yield method, path, described


OPERATIONS = [
    pytest.param(method, path, described, id=described["operationId"]) for method, path, described in operations()
]
EVERY = pytest.mark.parametrize(("method", "path", "described"), OPERATIONS)
CHANGES = pytest.mark.parametrize(
    ("method", "path", "described"), [item for item in OPERATIONS if item.values[0] != "get"]
)
REAL = {
    "name": "plant", "number": "1", "token_id": "1", "verification_id": "1", "trace_id": "1", "delays_id": "1",
    "backfill_id": "1", "run_id": "1", "schedule": "nightly", "letter_id": "1", "redrive_id": "1",
    "suite": "rows", "evaluation_id": "1", "position": "0",
}  # fmt: skip


def filled(path: str, **values: str) -> str:
    for name, value in (REAL | values).items():
        path = path.replace(f"{{{name}}}", value)
    return path


@pytest.fixture(params=[None, *Role])
def anybody(request: pytest.FixtureRequest, db: None) -> Caller:
    return Caller(person(request.param) if request.param else None)


def refused_or_served(answer: HttpResponse, what: object) -> None:
    assert answer.status_code < 500, (what, answer.content)
    assert answer["X-Request-ID"]
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json", what
        problem = json.loads(answer.content)
        assert problem["status"] == answer.status_code
        assert {"type", "title", "detail", "code", "request_id"} <= problem.keys()


@EVERY
def test_hostile_query_strings(
    administrator: Caller, pipeline: Pipeline, method: str, path: str, described: dict[str, Any]
) -> None:
    names = [item["name"] for item in described.get("parameters", []) if item["in"] == "query"] + ["unknown"]
    for text in TEXTS:
        for query in [{name: text} for name in names] + [{name: [text, text] for name in names}]:
            answer = administrator.client.generic(
                method.upper(), filled(path), QUERY_STRING=urlencode(query, doseq=True)
            )
            refused_or_served(answer, query)


@EVERY
def test_hostile_places(
    administrator: Caller, pipeline: Pipeline, method: str, path: str, described: dict[str, Any]
) -> None:
    """With a body that is right: the place alone must be what is refused."""
    body = json.dumps(BODIES_THAT_ARE_RIGHT[described["operationId"]][2]) if "requestBody" in described else ""
    for name in (item["name"] for item in described.get("parameters", []) if item["in"] == "path"):
        for text in TEXTS:
            place = filled(path, **{name: quote(text, safe="")})
            answer = administrator.client.generic(method.upper(), place, body, content_type="application/json")
            refused_or_served(answer, text)


@CHANGES
def test_hostile_bodies(anybody: Caller, topic: str, method: str, path: str, described: dict[str, Any]) -> None:
    for body in [*(json.dumps(item).encode() for item in BODIES), *RAW]:
        answer = anybody.client.generic(method.upper(), filled(path), body, content_type="application/json")
        refused_or_served(answer, body[:100])
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "nonsense"):
        answer = anybody.client.generic(method.upper(), filled(path), b"reason=1", content_type=kind)
        refused_or_served(answer, kind)


@pytest.mark.parametrize(
    ("body", "status"), [(b"[" * 100_000, 400), (b"{", 400), (b'{"reason": "' + b"x" * LARGEST_BODY + b'"}', 413)]
)
def test_a_body_too_deep_broken_or_too_large_is_refused(
    operator: Caller, pipeline: Pipeline, body: bytes, status: int
) -> None:
    path = "/api/v1/pipelines/plant/streaming-job/start"
    answer = operator.client.post(path, body, content_type="application/json")
    assert answer.status_code == status
    pipeline.streaming_job.refresh_from_db()
    assert pipeline.streaming_job.desired == "stopped"


@pytest.mark.parametrize("told", ["", "a b", "a\tb", "x" * 65, "<script>", "ü"])
def test_a_request_id_that_would_not_be_harmless_in_a_log_is_replaced(nobody: Caller, told: str) -> None:
    given = nobody.client.get("/api/v1/session", headers={"X-Request-ID": told})["X-Request-ID"]
    assert given != told
    assert len(given) == 32


def test_an_address_that_is_not_there_is_a_problem_in_the_api_and_a_page_elsewhere(nobody: Caller) -> None:
    assert nobody.get("nothing").json()["code"] == "not_found"
    assert nobody.client.get("/nothing")["Content-Type"].startswith("text/html")


def test_a_failure_of_ours_tells_its_request_and_nothing_else(
    viewer: Caller, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("controlplane.ledger.api.accounts.accounts", fail)
    answer = viewer.get("pipelines/plant/ledger")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    assert "swordfish" not in answer.content.decode()
