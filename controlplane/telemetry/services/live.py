"""Publishing the live state of a pipeline: numbered, kept, then sent to whoever listens."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.broadcasting import Broadcast
from controlplane.telemetry.models import LiveState
from controlplane.telemetry.selectors import figures, live_state, topic_of


def live_publish(*, pipeline: Pipeline, broadcast: Broadcast) -> LiveState:
    """Compute the pipeline's state, keep it under the next number, and broadcast it once that is committed.

    A broadcast that does not get through leaves a gap in the numbers, which clients heal from what is kept.
    """
    topic = topic_of(pipeline.name)
    last = live_state(topic)
    data = figures(pipeline.name, before=last.data["attention"] if last else None)
    at = datetime.fromtimestamp(data["at"], UTC)
    with transaction.atomic():
        state, _ = LiveState.objects.select_for_update().get_or_create(topic=topic, defaults={"at": at})
        state.seq, state.at, state.data = state.seq + 1, at, data
        state.save(update_fields=["seq", "at", "data"])
        transaction.on_commit(lambda: broadcast(state))
    return state
