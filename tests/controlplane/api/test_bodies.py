"""Bodies as they come over a connection: in chunks, without an end, larger than anybody should send."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest

from controlplane.accounts.models import AuditEntry
from controlplane.accounts.services import token_make
from controlplane.core.bodies import LARGEST_BODY
from controlplane.core.roles import Role, Scope
from controlplane.pipelines.models import Pipeline
from tests.controlplane.api.conftest import person
from tests.controlplane.web_server import server

__all__ = ["server"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue_away")]
DRAIN = "/api/v1/pipelines/plant/streaming-job/drain"


@pytest.fixture
def token(db: None) -> str:
    _, text = token_make(
        user=person(Role.OPERATOR), name="test", scope=Scope.WRITE, life=timedelta(hours=1), actor=None
    )
    return text


def call(server: str, token: str, body: bytes | Iterator[bytes], **headers: str) -> tuple[int, dict]:
    """An iterator is sent in chunks, each as it comes."""
    link = http.client.HTTPConnection(server, timeout=30)
    told = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    try:
        link.request("POST", DRAIN, body, told, encode_chunked=not isinstance(body, bytes))
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        link.close()


def reasons() -> list[str]:
    return list(AuditEntry.objects.filter(action="streaming_job.drain").values_list("reason", flat=True))


def test_a_body_in_chunks_is_read_checked_and_limited_like_any_other(
    server: str, token: str, pipeline: Pipeline
) -> None:
    def chunks(*parts: bytes) -> Iterator[bytes]:
        yield from parts

    coded = {"Transfer-Encoding": "chunked"}
    assert call(server, token, chunks(b'{"rea', b'son": "in ', b'chunks"}'), **coded)[0] == 202
    assert reasons() == ["in chunks"]
    status, problem = call(server, token, chunks(b'{"reason":', b" 7}"), **coded)
    assert (status, list(problem["errors"])) == (400, ["reason"])
    assert call(server, token, chunks(b""), **coded)[0] == 202  # no body, no reason
    large = [b'{"reason": "', *[b"x" * 8192] * (LARGEST_BODY // 8192), b'"}']
    for body, headers in ((chunks(*large), coded), (b"".join(large), {})):
        status, problem = call(server, token, body, **headers)
        assert (status, problem["code"]) == (413, "too_large")
    spaced = (b'{"reason": "large"}').ljust(LARGEST_BODY)
    for body, headers in ((chunks(spaced), coded), (spaced, {})):
        assert call(server, token, body, **headers)[0] == 202
    assert reasons() == ["in chunks", "", "large", "large"]


def test_what_says_that_it_is_huge_is_refused_before_it_is_sent(server: str, token: str, pipeline: Pipeline) -> None:
    head = f"POST {DRAIN} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {token}\r\nContent-Length: 100000000000"
    assert sent(server, f"{head}\r\nContent-Type: application/json\r\n\r\n".encode()).startswith(b"HTTP/1.1 413")


def test_whatever_comes_is_answered_and_is_no_failure_of_ours(server: str) -> None:
    session = f"/api/v1/session HTTP/1.1\r\nHost: {server}\r\n"
    cases = {
        f"GET /api/v1/session HTTP/1.0\r\nHost: {server}\r\n\r\n": {200},
        "GET /api/v1/session HTTP/1.0\r\n\r\n": {200},
        "GET /api/v1/session HTTP/1.1\r\nHost: evil.example\r\n\r\n": {400},
        f"GET {session}X-Large: {'x' * 200_000}\r\n\r\n": {200, 400, 431},
        f"GET /{'x' * 200_000} HTTP/1.1\r\nHost: {server}\r\n\r\n": {200, 400, 404, 414},
        f"POST {session}Content-Length: x\r\n\r\n": {400},
        f"POST {session}Content-Length: -1\r\n\r\n": {400},
        f"POST {session}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": {400, 403},
        f"POST {session}Transfer-Encoding: chunked\r\n\r\nzz\r\n": {400},
        f"BREW {session}\r\n": {400, 405},
        f'GET {session}Cookie: sessionid="aaaaaaaa\\000b"\r\n\r\n': {200},
        f"GET {session}If-None-Match: *\r\nRange: bytes=0-0\r\nAccept: text/html;q=x\r\n\r\n": {200, 406},
        f"HEAD {session}\r\n": {200, 405},
        f"OPTIONS {session}\r\n": {401, 403, 405},
    }
    for told, statuses in cases.items():
        answer = sent(server, told.encode())
        assert int(answer.split()[1]) in statuses, (told[:100], answer[:200])


def sent(server: str, request: bytes) -> bytes:
    host, port = server.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as link:
        link.sendall(request)
        return link.recv(65_536)
