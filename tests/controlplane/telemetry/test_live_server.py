"""The live socket as a browser has it: a real server, a real client, states published from another process."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.test import Client
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from controlplane.accounts.models import User
from controlplane.accounts.services import token_make
from controlplane.core.roles import Scope
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.broadcasting import Broadcaster
from controlplane.telemetry.selectors import live_state
from controlplane.telemetry.services import live_publish
from tests.controlplane.web_server import server

__all__ = ["server"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
TOPIC = "pipeline.plant"


async def subscribed(link: Any) -> None:
    await link.send(json.dumps({"type": "subscribe", "topics": [TOPIC]}))
    assert json.loads(await asyncio.wait_for(link.recv(), 10)) == {"type": "subscribed", "topics": [TOPIC]}


def test_a_gap_shows_in_the_numbers_and_the_snapshot_heals_it(
    server: str, layers: None, pipeline: Pipeline, viewer: User
) -> None:
    _, token = token_make(user=viewer, name="test", scope=Scope.READ, life=timedelta(hours=1), actor=None)
    bearer = {"Authorization": f"Bearer {token}"}
    broadcaster = Broadcaster()

    def publish(heard: bool = True) -> None:
        live_publish(pipeline=pipeline, broadcast=broadcaster if heard else lambda _: None)

    async def scenario() -> tuple[dict[str, Any], dict[str, Any]]:
        async with connect(f"ws://{server}/ws/v1/live", additional_headers=bearer) as link:
            await subscribed(link)
            await sync_to_async(publish)()
            first = json.loads(await asyncio.wait_for(link.recv(), 10))
            await sync_to_async(publish)(heard=False)
            await sync_to_async(publish)()
            return first, json.loads(await asyncio.wait_for(link.recv(), 10))

    try:
        first, second = async_to_sync(scenario)()
    finally:
        broadcaster.close()
    assert (first["seq"], second["seq"]) == (1, 3)
    overview = Client(headers=bearer).get("/api/v1/pipelines/plant/overview").json()
    assert overview == {name: second[name] for name in ("seq", "at", "data")}
    kept = live_state(TOPIC)
    assert kept is not None
    assert kept.seq == 3


def test_who_may_not_come_in_is_told_403_before_the_socket_opens(server: str, browser: Client) -> None:
    cookie = {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}

    async def scenario() -> None:
        async with connect(f"ws://{server}/ws/v1/live", origin=f"http://{server}", additional_headers=cookie):
            pass
        for origin, headers in (("http://evil.example", cookie), (f"http://{server}", {}), (None, cookie)):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(f"ws://{server}/ws/v1/live", origin=origin, additional_headers=headers):
                    pass
            assert refused.value.response.status_code == 403

    asyncio.run(scenario())
