"""What waits to be sent to one socket: never more than the newest of each topic and a few replies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

SLOW_SECONDS = 10.0
MOST_REPLIES = 100


class SlowSocket(Exception):
    """The other end does not take what it is sent."""


class Outgoing:
    """A socket that is slow gets fewer messages, not later ones; `run` ends with SlowSocket when it gets none."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._replies: deque[str] = deque()
        self._latest: dict[str, str] = {}
        self._wake = asyncio.Event()

    def reply(self, text: str) -> None:
        self._replies.append(text)
        self._wake.set()

    def offer(self, topic: str, text: str) -> None:
        """Send `text` unless a newer one of the topic comes first."""
        self._latest[topic] = text
        self._wake.set()

    def forget(self, topic: str) -> None:
        self._latest.pop(topic, None)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (text := self._next()) is not None:
                try:
                    async with asyncio.timeout(SLOW_SECONDS):
                        await self._send(text)
                except TimeoutError as error:
                    raise SlowSocket from error

    def _next(self) -> str | None:
        if len(self._replies) > MOST_REPLIES:
            raise SlowSocket
        if self._replies:
            return self._replies.popleft()
        return self._latest.pop(next(iter(self._latest))) if self._latest else None
