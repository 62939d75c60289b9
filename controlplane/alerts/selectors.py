"""Reading incidents, and what is to be told."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from controlplane.alerts.models import Incident, Notification
from controlplane.alerts.states import NotificationState


def incidents_open(under: str = "") -> QuerySet[Incident]:
    """What is wrong now; `under` is the beginning of the objects' names, such as `pipeline/plant/`."""
    return Incident.objects.filter(cleared_at=None, object__startswith=under)


def notifications_due() -> QuerySet[Notification]:
    waiting = Notification.objects.filter(state=NotificationState.WAITING, next_attempt_at__lte=timezone.now())
    return waiting.order_by("next_attempt_at")
