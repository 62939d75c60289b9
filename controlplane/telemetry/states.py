"""What a simulator may be wanted to do, and what is known of what it does."""

from enum import StrEnum

from django.db import models

from spark_jobs.contracts import SimulatorActivity


class SimulatorDesired(models.TextChoices):
    RUNNING = SimulatorActivity.RUNNING.value
    PAUSED = SimulatorActivity.PAUSED.value


class SimulatorObserved(StrEnum):
    RUNNING = SimulatorActivity.RUNNING.value
    PAUSED = SimulatorActivity.PAUSED.value
    FINISHED = SimulatorActivity.FINISHED.value
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """Of what needs attention; the gravest first."""

    FAILING = "failing"
    WARNING = "warning"
    UNKNOWN = "unknown"
