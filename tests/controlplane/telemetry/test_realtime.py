"""Who gets a live socket, what comes over it, and when it is closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from django.test import Client
from django.utils import timezone

from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.services import token_make, token_revoke
from controlplane.config.asgi import application
from controlplane.core.roles import Scope
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry import realtime
from controlplane.telemetry.models import LiveState
from controlplane.telemetry.outgoing import MOST_REPLIES
from controlplane.telemetry.protocol import event_of, group_of

# Channels looks after the connections itself, and drops one that a test holds in a transaction.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("layers"),
]
OWN = "http://testserver"
TOPIC = "pipeline.plant"


class Socket(ApplicationCommunicator):
    """The browser's end of a live socket."""

    def __init__(self, path: str = "/ws/v1/live", **headers: str | None) -> None:
        given = {"host": "testserver", "origin": OWN, **headers}
        pairs = [(name.encode(), text.encode()) for name, text in given.items() if text is not None]
        super().__init__(application, {"type": "websocket", "path": path, "headers": pairs, "query_string": b""})

    async def admitted(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(5)
        return bool(answer["type"] == "websocket.accept")

    async def say(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def hear(self) -> dict[str, Any]:
        frame = await self.receive_output(5)
        assert frame["type"] == "websocket.send", frame
        return dict(json.loads(frame["text"]))

    async def ask(self, kind: str, *topics: str) -> dict[str, Any]:
        await self.say(json.dumps({"type": kind, "topics": list(topics)}))
        return await self.hear()

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)


def cookie_of(browser: Client) -> str:
    return f"sessionid={browser.cookies['sessionid'].value}"


def token_of(user: User, life: timedelta = timedelta(hours=1)) -> tuple[ApiToken, str]:
    made, text = token_make(user=user, name="test", scope=Scope.READ, life=life, actor=None)
    return made, f"Bearer {text}"


def state(seq: int, topic: str = TOPIC) -> LiveState:
    return LiveState(topic=topic, seq=seq, at=timezone.now(), data={"number": seq})


async def publish(seq: int, topic: str = TOPIC) -> None:
    await get_channel_layer().group_send(group_of(topic), event_of(state(seq, topic)))


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    """In this thread, whose connections to the database the session closes."""
    async_to_sync(scenario)()


def test_a_browser_gets_the_messages_of_its_topics_and_of_no_others(browser: Client, pipeline: Pipeline) -> None:
    Pipeline.objects.create(name="other", topic="other-events")

    async def scenario() -> None:
        link = Socket(cookie=cookie_of(browser))
        assert await link.admitted()
        assert await link.ask("subscribe", TOPIC) == {"type": "subscribed", "topics": [TOPIC]}
        await publish(1, "pipeline.other")
        await publish(2)
        got = await link.hear()
        assert (got["type"], got["topic"], got["seq"], got["data"]) == ("message", TOPIC, 2, {"number": 2})
        assert got["at"].endswith("Z")
        assert await link.ask("subscribe", "pipeline.other") == {
            "type": "subscribed",
            "topics": ["pipeline.other", TOPIC],
        }
        assert await link.ask("unsubscribe", TOPIC) == {"type": "subscribed", "topics": ["pipeline.other"]}
        await publish(3)
        await publish(4, "pipeline.other")
        assert (await link.hear())["seq"] == 4
        await link.leave()

    run(scenario)


def test_a_program_shows_a_token_and_needs_no_origin(viewer: User, pipeline: Pipeline) -> None:
    _, bearer = token_of(viewer)

    async def scenario() -> None:
        link = Socket(origin=None, authorization=bearer)
        assert await link.admitted()
        assert (await link.ask("subscribe", TOPIC))["topics"] == [TOPIC]
        await link.leave()

    run(scenario)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "testserver"),
        ("http://testserver:8000", "testserver"),
        ("http://testserver.evil.example", "testserver"),
        ("null", "testserver"),
        ("http://[", "testserver"),
        ("file://testserver", "testserver"),
        ("http://evil.example", "evil.example"),
        (None, "testserver"),
    ],
)
def test_a_page_of_another_place_gets_no_socket_with_somebodys_cookie(
    browser: Client, origin: str | None, host: str
) -> None:
    async def scenario() -> None:
        assert not await Socket(origin=origin, host=host, cookie=cookie_of(browser)).admitted()

    run(scenario)


def test_a_foreign_page_gets_no_socket_with_a_token_either(viewer: User) -> None:
    _, bearer = token_of(viewer)

    async def scenario() -> None:
        assert not await Socket(origin="http://evil.example", authorization=bearer).admitted()

    run(scenario)


def test_without_a_good_login_there_is_no_socket(viewer: User, browser: Client) -> None:
    expired = token_of(viewer, timedelta(seconds=-1))[1]
    revoked_token, revoked = token_of(viewer)
    token_revoke(token_id=revoked_token.pk, owner=viewer, actor=viewer)
    ended = cookie_of(browser)
    browser.logout()

    async def scenario() -> None:
        assert not await Socket().admitted()
        for made_up in ("made-up", '"aaaaaaaa\\000b"', "x" * 5000, "\x01"):
            assert not await Socket(cookie=f"sessionid={made_up}").admitted()
        assert not await Socket(cookie=ended).admitted()
        for bearer in (expired, revoked, "Bearer pst_made-up", "Bearer "):
            assert not await Socket(authorization=bearer).admitted()

    run(scenario)


def test_another_address_has_no_socket(browser: Client) -> None:
    async def scenario() -> None:
        assert not await Socket("/ws/v1/other", cookie=cookie_of(browser)).admitted()

    run(scenario)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", "bad_request"),
        ("[" * 20_000, "bad_request"),
        ("[" * 10_000, "bad_request"),
        ("[]", "bad_request"),
        ('{"type": "destroy"}', "bad_request"),
        ('{"type": ["subscribe"]}', "bad_request"),
        ('{"type": "subscribe", "topics": "pipeline.plant"}', "bad_request"),
        ('{"type": "subscribe", "topics": [7]}', "bad_request"),
        ('{"type": "subscribe", "topics": ["pipeline.\\u0000"]}', "bad_request"),
        ('{"type": "subscribe", "topics": ["pipeline.\\ud800"]}', "bad_request"),
        ('{"type": "unsubscribe", "topics": ["pipeline.\\udfff"]}', "bad_request"),
        ('{"type": 1e999, "topics": NaN}', "bad_request"),
        ("9" * 16_000, "bad_request"),
        (
            json.dumps({"type": "subscribe", "topics": [f"pipeline.{number}" for number in range(51)]}),
            "too_many_topics",
        ),
    ],
)
def test_a_frame_that_makes_no_sense_is_answered_and_the_socket_stays(
    browser: Client, pipeline: Pipeline, frame: str, code: str
) -> None:
    async def scenario() -> None:
        link = Socket(cookie=cookie_of(browser))
        assert await link.admitted()
        await link.say(frame)
        answer = await link.hear()
        assert (answer["type"], answer["code"]) == ("error", code)
        await link.send_input({"type": "websocket.receive", "bytes": b"\x00"})
        assert (await link.hear())["code"] == "bad_request"
        assert await link.ask("ping") == {"type": "pong"}
        await link.leave()

    run(scenario)


def test_a_topic_that_there_is_not_is_an_error_and_the_others_are_joined(browser: Client, pipeline: Pipeline) -> None:
    async def scenario() -> None:
        link = Socket(cookie=cookie_of(browser))
        assert await link.admitted()
        assert (await link.ask("subscribe", TOPIC, "pipeline.no-such", "secrets"))["topics"] == [TOPIC]
        answer = await link.hear()
        assert (answer["code"], answer["detail"]) == ("unknown_topic", "there is no topic pipeline.no-such, secrets")
        await link.leave()

    run(scenario)


def end_session(viewer: User, browser: Client) -> None:
    browser.logout()


def retire(viewer: User, browser: Client) -> None:
    User.objects.filter(pk=viewer.pk).update(is_active=False)


def change_password(viewer: User, browser: Client) -> None:
    viewer.set_password("another battery staple")
    viewer.save()


@pytest.mark.parametrize("end", [end_session, retire, change_password])
def test_a_login_that_ends_closes_the_socket(
    viewer: User,
    browser: Client,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[User, Client], None],
) -> None:
    assert realtime.CHECK_SECONDS < 30
    monkeypatch.setattr(realtime, "CHECK_SECONDS", 0.05)

    async def scenario() -> None:
        link = Socket(cookie=cookie_of(browser))
        assert await link.admitted()
        assert (await link.ask("subscribe", TOPIC))["topics"] == [TOPIC]
        await sync_to_async(end)(viewer, browser)
        closed = await link.receive_output(5)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4401)

    run(scenario)


def test_a_token_that_is_revoked_closes_the_socket(
    viewer: User, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "CHECK_SECONDS", 0.05)
    token, bearer = token_of(viewer)

    async def scenario() -> None:
        link = Socket(origin=None, authorization=bearer)
        assert await link.admitted()
        await sync_to_async(token_revoke)(token_id=token.pk, owner=viewer, actor=viewer)
        closed = await link.receive_output(5)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4401)

    run(scenario)


def test_a_message_costs_no_query(browser: Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a thread was asked for, which is how the database is come to from here")

    async def scenario() -> None:
        link = Socket(cookie=cookie_of(browser))
        assert await link.admitted()
        await link.ask("subscribe", TOPIC)
        with monkeypatch.context() as patched:
            patched.setattr(SyncToAsync, "__call__", refuse)
            for seq in range(20):
                await publish(seq)
                assert (await link.hear())["seq"] == seq
        await link.leave()

    run(scenario)


class Stuck:
    """A socket whose other end takes nothing after the first `takes` frames."""

    def __init__(self, browser: Client, takes: int) -> None:
        self.scope = {
            "type": "websocket",
            "path": "/ws/v1/live",
            "headers": [(b"host", b"testserver"), (b"origin", OWN.encode()), (b"cookie", cookie_of(browser).encode())],
        }
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.taken: list[dict[str, Any]] = []
        self.takes = takes
        self.free = asyncio.Event()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.incoming.put_nowait(
            {"type": "websocket.receive", "text": json.dumps({"type": "subscribe", "topics": [TOPIC]})}
        )

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.taken) >= self.takes:
            await self.free.wait()
        self.taken.append(message)

    async def asked_all(self) -> None:
        async with asyncio.timeout(5):
            while not self.incoming.empty():
                await asyncio.sleep(0.01)

    async def seen(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.taken) < count:
                await asyncio.sleep(0.01)


def test_a_slow_socket_gets_the_newest_and_sees_the_gap(browser: Client, pipeline: Pipeline) -> None:
    async def scenario() -> None:
        stuck = Stuck(browser, takes=2)  # the acceptance, and that it is subscribed
        serving = asyncio.create_task(application(stuck.scope, stuck.incoming.get, stuck.send))
        await stuck.seen(2)
        # Another socket shows when all of them have arrived.
        other = Socket(cookie=cookie_of(browser))
        assert await other.admitted()
        await other.ask("subscribe", TOPIC)
        for seq in range(1, 101):
            await publish(seq)
            assert (await other.hear())["seq"] == seq
        stuck.free.set()
        await stuck.seen(4)
        assert [json.loads(item["text"])["seq"] for item in stuck.taken[2:]] == [1, 100]
        stuck.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(serving, 5)
        await other.leave()

    run(scenario)


def test_a_socket_that_takes_nothing_for_long_is_given_up(
    browser: Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.telemetry.outgoing.SLOW_SECONDS", 0.05)
    monkeypatch.setattr(realtime, "CLOSE_SECONDS", 0.05)

    async def scenario() -> None:
        stuck = Stuck(browser, takes=2)
        serving = asyncio.create_task(application(stuck.scope, stuck.incoming.get, stuck.send))
        await stuck.seen(2)
        await publish(1)
        await asyncio.wait_for(serving, 5)
        layer = get_channel_layer()
        assert not layer.groups
        assert not layer.channels

    run(scenario)


def test_a_socket_that_only_asks_and_takes_no_answer_is_given_up(
    browser: Client, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "CLOSE_SECONDS", 0.05)

    async def scenario() -> None:
        stuck = Stuck(browser, takes=2)
        serving = asyncio.create_task(application(stuck.scope, stuck.incoming.get, stuck.send))
        await stuck.seen(2)
        for _ in range(MOST_REPLIES + 2):
            stuck.incoming.put_nowait({"type": "websocket.receive", "text": '{"type": "ping"}'})
        await stuck.asked_all()
        stuck.free.set()
        await asyncio.wait_for(serving, 5)
        assert len(stuck.taken) < MOST_REPLIES

    run(scenario)
