"""How large the body of a request may be, and that its length is known: what Django and its framework go by.

A body that comes in chunks names no length. They would take it for none at all, having kept the whole of it on the
disk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

LARGEST_BODY = 256 * 1024

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

LENGTH, CODING = b"content-length", b"transfer-encoding"


class SizedBodies:
    """Gives the application each body with its length, and one that is too large as its length alone.

    The application refuses that by the length, in its own words; what is left of it is read and forgotten.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        told = dict(scope["headers"])
        if CODING in told:
            body, size = await _read(receive)
            others = [(name, value) for name, value in scope["headers"] if name not in (LENGTH, CODING)]
            scope = {**scope, "headers": [*others, (LENGTH, str(size).encode())]}
            receive = _Given(body, receive)
        elif int(told.get(LENGTH, b"0")) > LARGEST_BODY:
            receive = _Given(b"", receive)
        await self._application(scope, receive, send)


class _Given:
    """A body that is there already; after it nothing is told but that the other end has gone."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while (message := await self._receive())["type"] == "http.request":
            pass
        return message


async def _read(receive: Receive) -> tuple[bytes, int]:
    """The body and its size; of one that is too large nothing, and the size as far as it was read."""
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return b"", len(body)
        if not message.get("more_body", False):
            break
    return bytes(body), len(body)
