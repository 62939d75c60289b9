"""Tells of what changed: never more than four times a second, never less than once in two."""

from __future__ import annotations

import math
import time

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.broadcasting import Broadcaster
from controlplane.telemetry.services import live_publish

LEAST_SECONDS = 0.25
MOST_SECONDS = 2.0


class Publisher:
    """Publishes the state of each pipeline that was touched, and of the others so that they are seen to be alive."""

    def __init__(self) -> None:
        self._broadcast = Broadcaster()
        self._touched: set[str] = set()
        self._published: dict[str, float] = {}
        self._next = 0.0

    def publish(self, touched: set[str]) -> None:
        """Publish what is due. Whatever comes in between two publications of a pipeline goes out with the second."""
        self._touched |= touched
        now = time.monotonic()
        if now < self._next:
            return
        for pipeline in Pipeline.objects.all():
            waited = now - self._published.get(pipeline.name, -math.inf)
            if waited >= (LEAST_SECONDS if pipeline.name in self._touched else MOST_SECONDS):
                live_publish(pipeline=pipeline, broadcast=self._broadcast)
                self._published[pipeline.name] = time.monotonic()
                self._touched.discard(pipeline.name)
        self._next = now + LEAST_SECONDS

    def close(self) -> None:
        self._broadcast.close()
