"""The live socket: admits, joins topics, relays, and does nothing else."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, cast

import django.db
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.sessions import CookieMiddleware
from django.urls import path

from controlplane.accounts.models import User
from controlplane.telemetry.outgoing import Outgoing
from controlplane.telemetry.protocol import (
    BadRequest,
    Failure,
    GroupEvent,
    Pong,
    Reply,
    Subscribed,
    group_of,
    request_of,
)
from controlplane.telemetry.selectors import topics_visible_to
from controlplane.telemetry.sockets import origin_allowed, user_of

CHECK_SECONDS = 10.0
CLOSE_SECONDS = 2.0
LOGIN_ENDED, TOO_SLOW = 4401, 4408
MOST_TOPICS = 50

logger = logging.getLogger(__name__)


class LiveConsumer(AsyncWebsocketConsumer):
    """One browser. What is sent goes through `Outgoing`, so that a slow one holds up nothing."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve until the browser leaves, its login ends, or it takes nothing any more."""
        self._topics: set[str] = set()
        self._outgoing = Outgoing(self.send)
        serving = asyncio.create_task(super().__call__(scope, receive, send))
        sending = asyncio.create_task(self._outgoing.run())
        watching = asyncio.create_task(self._login_ended())
        tasks = {serving, sending, watching}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                await self._end(serving, LOGIN_ENDED if watching.done() else TOO_SLOW)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for topic in self._topics:
                await self.channel_layer.group_discard(group_of(topic), self.channel_name)
        if not serving.cancelled():
            serving.result()

    async def connect(self) -> None:
        user = await user_of(self.scope) if origin_allowed(self.scope) else None
        if user is None:
            await self.close()  # before it is accepted: 403
            return
        self._user = user
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            asked = request_of(text_data)
            if asked["type"] == "ping":
                self._reply(Pong(type="pong"))
            elif asked["type"] == "subscribe":
                await self._subscribe(set(asked["topics"]))
            else:
                await self._unsubscribe(set(asked["topics"]))
        except BadRequest as error:
            self._reply(Failure(type="error", code=error.code, detail=str(error)))

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without Channels' look at the database connections, which a relayed message has no use for."""
        if message["type"] == "live.message":
            self.live_message(cast(GroupEvent, message))
        else:
            await super().dispatch(message)

    def live_message(self, event: GroupEvent) -> None:
        if event["topic"] in self._topics:
            self._outgoing.offer(event["topic"], event["text"])

    async def _subscribe(self, topics: set[str]) -> None:
        if len(self._topics | topics) > MOST_TOPICS:
            raise BadRequest("too_many_topics", f"a socket has at most {MOST_TOPICS} topics")
        visible = await self._visible(topics)
        for topic in visible - self._topics:
            await self.channel_layer.group_add(group_of(topic), self.channel_name)
            self._topics.add(topic)
        self._reply(Subscribed(type="subscribed", topics=sorted(self._topics)))
        if unknown := sorted(topics - visible):
            raise BadRequest("unknown_topic", f"there is no topic {', '.join(unknown)[:500]}")

    async def _visible(self, topics: set[str]) -> set[str]:
        return await database_sync_to_async(topics_visible_to)(user=self._user, topics=topics)

    async def _unsubscribe(self, topics: set[str]) -> None:
        for topic in topics & self._topics:
            self._topics.discard(topic)
            self._outgoing.forget(topic)
            await self.channel_layer.group_discard(group_of(topic), self.channel_name)
        self._reply(Subscribed(type="subscribed", topics=sorted(self._topics)))

    def _reply(self, payload: Reply) -> None:
        self._outgoing.reply(json.dumps(payload))

    async def _login_ended(self) -> None:
        """Wait for that: somebody signs out, is put out, or a session or token runs out."""
        user: User | None = None
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                user = await user_of(self.scope)
            except django.db.Error as error:
                logger.warning("a login could not be looked at: %s", str(error).splitlines()[0])
                continue
            if user is None:
                return

    async def _end(self, serving: asyncio.Task[None], code: int) -> None:
        """Close, and wait for that to be seen; a socket that takes nothing does not take this either."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.close(code)
                await serving
        except TimeoutError:
            logger.info("a live socket took nothing for too long")


# A cookie is all that is wanted of Channels' session middleware: the session is read anew at each look.
urlpatterns = [path("ws/v1/live", CookieMiddleware(LiveConsumer.as_asgi()))]
