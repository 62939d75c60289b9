"""Reading incidents."""

from __future__ import annotations

from django.db.models import QuerySet

from controlplane.alerts.models import Incident


def incidents_open(under: str = "") -> QuerySet[Incident]:
    """What is wrong now; `under` is the beginning of the objects' names, such as `pipeline/plant/`."""
    return Incident.objects.filter(cleared_at=None, object__startswith=under)
