"""What goes over the live socket: every payload, its encoding, and the check of what comes in."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, TypedDict

from django.core.serializers.json import DjangoJSONEncoder

from controlplane.telemetry.models import LiveState

LONGEST_REQUEST = 16_384


class LiveMessage(TypedDict):
    """A topic's whole state, as a browser gets it."""

    type: Literal["message"]
    topic: str
    seq: int
    at: str
    data: dict[str, Any]


class GroupEvent(TypedDict):
    """What a group's consumers get: the message ready to be passed on, encoded once for all of them."""

    type: Literal["live.message"]
    topic: str
    text: str


class Subscribed(TypedDict):
    """The topics that the socket has now."""

    type: Literal["subscribed"]
    topics: list[str]


class Pong(TypedDict):
    type: Literal["pong"]


class Failure(TypedDict):
    type: Literal["error"]
    code: str
    detail: str


Reply = Subscribed | Pong | Failure


class Request(TypedDict):
    """What a browser may ask for."""

    type: Literal["subscribe", "unsubscribe", "ping"]
    topics: list[str]


class BadRequest(Exception):
    """What came over the socket cannot be done; told to the other end, which stays connected."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def request_of(text: str | None) -> Request:
    """The request in a frame. Raises BadRequest."""
    if text is None or len(text) > LONGEST_REQUEST:
        raise BadRequest("bad_request", f"a request is JSON text of at most {LONGEST_REQUEST} characters")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("bad_request", "this is not JSON") from error
    kind = raw.get("type") if isinstance(raw, dict) else None
    if kind not in ("subscribe", "unsubscribe", "ping"):
        raise BadRequest("bad_request", "`type` must be subscribe, unsubscribe or ping")
    topics = raw.get("topics", []) if kind != "ping" else []
    if not isinstance(topics, list) or not all(isinstance(topic, str) and topic.isprintable() for topic in topics):
        raise BadRequest("bad_request", "`topics` must be a list of names")
    return Request(type=kind, topics=topics)


def group_of(topic: str) -> str:
    """The topic's group; a digest, as a topic's name may be longer than a group's."""
    return f"live.{hashlib.sha256(topic.encode()).hexdigest()[:32]}"


def snapshot_of(state: LiveState) -> dict[str, Any]:
    """The state as the API gives it, equal to what the message with its `seq` said."""
    return {"seq": state.seq, "at": state.at.isoformat().replace("+00:00", "Z"), "data": state.data}


def event_of(state: LiveState) -> GroupEvent:
    snapshot = snapshot_of(state)
    message = LiveMessage(
        type="message", topic=state.topic, seq=snapshot["seq"], at=snapshot["at"], data=snapshot["data"]
    )
    text = json.dumps(message, cls=DjangoJSONEncoder, separators=(",", ":"))
    return GroupEvent(type="live.message", topic=state.topic, text=text)
