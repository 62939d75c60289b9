"""An incident, from its opening to its clearing."""

from django.db import models
from django.db.models import Q

from controlplane.alerts.states import IncidentKind


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
