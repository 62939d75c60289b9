"""The live topics: which there are, and the state that was last published on one."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.accounts.models import User
from controlplane.core.roles import Role
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.models import LiveState

PREFIX = "pipeline."


def topic_of(pipeline: str) -> str:
    return f"{PREFIX}{pipeline}"


def topics_visible_to(*, user: User, topics: Iterable[str]) -> set[str]:
    """Those of `topics` that there are and that the user may read."""
    if not Role(user.role).covers(Role.VIEWER):
        return set()
    names = {topic.removeprefix(PREFIX) for topic in topics if topic.startswith(PREFIX)}
    return {topic_of(name) for name in Pipeline.objects.filter(name__in=names).values_list("name", flat=True)}


def live_state(topic: str) -> LiveState | None:
    """The newest state; None before the collector has published one."""
    return LiveState.objects.filter(topic=topic).first()
