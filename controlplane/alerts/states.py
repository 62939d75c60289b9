"""What may be wrong: the kinds of incidents."""

from django.db import models


class IncidentKind(models.TextChoices):
    DRIVER_GIVEN_UP = "driver_given_up"
    STREAM_STALLED = "stream_stalled"
