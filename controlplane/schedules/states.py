"""What a schedule may make, how it catches up, the states of its slots, and the tables that have to be fresh."""

from django.db import models

from controlplane.runs.states import RunKind

KINDS = [str(RunKind.DAILY), str(RunKind.MAINTENANCE), str(RunKind.QUALITY)]  # a backfill makes its runs itself


class CatchUp(models.TextChoices):
    """What becomes of due times that passed while nobody looked."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class SlotState(models.TextChoices):
    DUE = "due"
    REQUESTED = "requested"
    MISSED = "missed"
    REFUSED = "refused"


SLOT_MOVES = {
    SlotState.DUE: {SlotState.REQUESTED, SlotState.MISSED, SlotState.REFUSED},
    SlotState.REQUESTED: set(),
    SlotState.MISSED: set(),
    SlotState.REFUSED: set(),
}


class FreshTable(models.TextChoices):
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    WAREHOUSE = "warehouse"
