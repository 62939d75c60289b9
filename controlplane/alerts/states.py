"""What may be wrong: the kinds of incidents."""

from django.db import models


class IncidentKind(models.TextChoices):
    DRIVER_GIVEN_UP = "driver_given_up"
    STREAM_STALLED = "stream_stalled"
    RUN_FAILED = "run_failed"
    BACKFILL_FAILED = "backfill_failed"
    SCHEDULE_MISSED = "schedule_missed"
    SLA_START = "sla_start"
    SLA_END = "sla_end"
    TABLE_STALE = "table_stale"
    LETTERS_EXPIRING = "letters_expiring"
    LEDGER_IMBALANCE = "ledger_imbalance"
    QUALITY_FAILED = "quality_failed"


class NotificationState(models.TextChoices):
    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


NOTIFICATION_MOVES = {NotificationState.WAITING: {NotificationState.SENT, NotificationState.GIVEN_UP}}
