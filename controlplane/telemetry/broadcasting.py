"""Sending live states to whoever listens, from the one process that makes them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from controlplane.telemetry.models import LiveState
from controlplane.telemetry.protocol import event_of, group_of

logger = logging.getLogger(__name__)
SEND_SECONDS = 2.0

Broadcast = Callable[[LiveState], None]


class Broadcaster:
    """Sends states to their groups from a thread of its own, so that a Redis that hangs holds up nobody.

    States of a topic go out in order; of those that had to wait only the newest does.
    """

    def __init__(self) -> None:
        self._latest: dict[str, LiveState] = {}
        self._wake = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._sending = asyncio.run_coroutine_threadsafe(self._send_all(), self._loop)
        self._thread = threading.Thread(target=self._loop.run_forever, name="broadcast", daemon=True)
        self._thread.start()

    def __call__(self, state: LiveState) -> None:
        self._loop.call_soon_threadsafe(self._offer, state)

    def close(self) -> None:
        """Stop; what has not gone out by now is in PostgreSQL."""
        self._sending.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _offer(self, state: LiveState) -> None:
        self._latest[state.topic] = state
        self._wake.set()

    async def _send_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._latest:
                state = self._latest.pop(next(iter(self._latest)))
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await get_channel_layer().group_send(group_of(state.topic), event_of(state))
                except (RedisError, OSError, TimeoutError) as error:
                    logger.warning("state %s of %s was not broadcast: %s", state.seq, state.topic, error)
