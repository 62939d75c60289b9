"""Incidents, from opening to clearing, and what is to be told of them to people outside."""

from django.db import models
from django.db.models import Q

from controlplane.alerts.states import IncidentKind, NotificationState


class Incident(models.Model):
    """Something wrong with an object, which is named as in the audit log. Of each kind one is open at most."""

    kind = models.CharField(max_length=50, choices=IncidentKind)
    object = models.CharField(max_length=300)
    cause = models.TextField()
    resolution = models.TextField(blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["object", "kind"], condition=Q(cleared_at=None), name="incident_open_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.object}"


class Notification(models.Model):
    """A message that is to be sent where this installation sends such, by whatever channel that is."""

    subject = models.CharField(max_length=300)
    text = models.TextField()
    state = models.CharField(max_length=20, choices=NotificationState, default=NotificationState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_attempt_at"], name="notification_due", condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return self.subject
