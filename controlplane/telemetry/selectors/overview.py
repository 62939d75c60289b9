"""The state of a pipeline as the live topic has it."""

from __future__ import annotations

from datetime import UTC, datetime

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.models import LiveState
from controlplane.telemetry.selectors.figures import figures
from controlplane.telemetry.selectors.live import live_state, topic_of


def overview(pipeline: Pipeline) -> LiveState:
    """The state that was last published; before the first, what would be, unsaved and with number 0."""
    topic = topic_of(pipeline.name)
    if (state := live_state(topic)) is not None:
        return state
    data = figures(pipeline.name)
    return LiveState(topic=topic, at=datetime.fromtimestamp(data["at"], UTC), data=data)
