"""What the simulators of a pipeline are wanted to do, and what they do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone

from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.models import SimulatorControl, SimulatorState
from controlplane.telemetry.states import SimulatorDesired, SimulatorObserved

SILENCE = timedelta(seconds=10)  # they report every second


def simulator(pipeline: Pipeline) -> dict[str, Any]:
    """Desired and observed state, exact counts, and when that was told (None before any report).

    Of several simulators that report now, the counts are added, and one that runs is enough to run.
    """
    control = SimulatorControl.objects.filter(pipeline=pipeline).first()
    states = SimulatorState.objects.filter(pipeline=pipeline.name)
    heard = list(states.filter(at__gte=timezone.now() - SILENCE))
    newest = states.order_by("-at").first()
    alive = [state for state in heard if state.activity != SimulatorObserved.FINISHED]
    told = alive or ([newest] if newest else [])
    counts: Counter[str] = Counter()
    for state in told:
        counts.update(state.counts)
    return {
        "desired": control.desired if control else str(SimulatorDesired.RUNNING),
        "observed": str(_observed([state.activity for state in alive], newest)),
        "counts": dict(counts) if told else None,
        "at": newest.at if newest else None,
    }


def _observed(alive: list[str], newest: SimulatorState | None) -> SimulatorObserved:
    for activity in (SimulatorObserved.RUNNING, SimulatorObserved.PAUSED):
        if activity in alive:
            return activity
    if newest is not None and newest.activity == SimulatorObserved.FINISHED:
        return SimulatorObserved.FINISHED
    return SimulatorObserved.UNKNOWN
