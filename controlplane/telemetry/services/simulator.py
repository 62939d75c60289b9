"""Pausing and resuming the simulators that are controlled."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.outbox import enqueue
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.models import SimulatorControl
from controlplane.telemetry.states import SimulatorDesired
from spark_jobs.contracts import SimulatorCommand

ACTIONS = {SimulatorDesired.RUNNING: "simulator.start", SimulatorDesired.PAUSED: "simulator.stop"}


@transaction.atomic
def simulator_desire(
    *, pipeline: Pipeline, desired: SimulatorDesired, actor: User | None, reason: str = ""
) -> SimulatorControl:
    """Say what the pipeline's simulators shall do, and have them told."""
    now = timezone.now()
    control, _ = SimulatorControl.objects.select_for_update().get_or_create(
        pipeline=pipeline, defaults={"changed_at": now}
    )
    before, control.desired, control.changed_at, control.told_at = control.desired, desired, now, None
    control.save(update_fields=["desired", "changed_at", "told_at"])
    audit_record(
        actor=actor,
        action=ACTIONS[desired],
        object=f"pipeline/{pipeline.name}/simulator",
        before={"desired": before},
        after={"desired": desired},
        reason=reason,
    )
    enqueue(task="penstock.command_simulator", pipeline_id=pipeline.pk)
    return control


@transaction.atomic
def simulator_tell(*, pipeline_id: int, tell: Callable[[SimulatorCommand], None]) -> None:
    """Pass on what is wanted now, if that has not been. What `tell` raises leaves it to be told.

    The row stays locked meanwhile: of two who tell, the one with the older word must not speak last.
    """
    waiting = SimulatorControl.objects.select_for_update(of=("self",)).filter(pipeline=pipeline_id, told_at=None)
    control = waiting.select_related("pipeline").first()
    if control is None:
        return
    at = control.changed_at.timestamp()
    tell(SimulatorCommand(pipeline=control.pipeline.name, at=at, desired=control.desired))
    control.told_at = timezone.now()
    control.save(update_fields=["told_at"])


def simulators_untold() -> list[int]:
    """The pipelines whose simulators were not told: the task was lost, or Kafka was away."""
    return list(SimulatorControl.objects.filter(told_at=None).values_list("pipeline", flat=True))
