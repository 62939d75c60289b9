"""A streaming job's states, and which may follow which."""

from django.db import models


class Desired(models.TextChoices):
    RUNNING = "running"
    STOPPED = "stopped"


class Ending(models.TextChoices):
    """How a driver ends that is not wanted any more: after its running batches, or at once."""

    DRAIN = "drain"
    NOW = "now"


class Observed(models.TextChoices):
    STOPPED = "stopped"
    LAUNCHING = "launching"
    RUNNING = "running"
    DRAINING = "draining"
    UNKNOWN = "unknown"
    FAILED = "failed"


MOVES = {
    Observed.STOPPED: {Observed.LAUNCHING},
    Observed.LAUNCHING: {Observed.RUNNING, Observed.DRAINING, Observed.UNKNOWN, Observed.STOPPED, Observed.FAILED},
    Observed.RUNNING: {Observed.DRAINING, Observed.UNKNOWN, Observed.STOPPED, Observed.FAILED},
    Observed.DRAINING: {Observed.STOPPED, Observed.UNKNOWN, Observed.FAILED},
    Observed.UNKNOWN: {Observed.RUNNING, Observed.DRAINING, Observed.STOPPED, Observed.FAILED},
    Observed.FAILED: {Observed.LAUNCHING, Observed.STOPPED},
}
# A driver may live in these.
ALIVE = frozenset({Observed.LAUNCHING, Observed.RUNNING, Observed.DRAINING, Observed.UNKNOWN})
