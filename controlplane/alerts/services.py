"""Opening, clearing and forgetting incidents.

Opening and clearing may be called again and again with what is so now; `kind` is an IncidentKind.
"""

from __future__ import annotations

from django.utils import timezone

from controlplane.alerts.models import Incident
from controlplane.alerts.selectors import incidents_open
from controlplane.core.pruning import delete_in_chunks, long_ago


def incident_open(*, kind: str, object: str, cause: str) -> bool:
    """Open an incident with its cause; one that is open already stays as it began. Whether there was none."""
    _, made = Incident.objects.get_or_create(kind=kind, object=object, cleared_at=None, defaults={"cause": cause})
    return bool(made)


def incident_clear(*, kind: str, object: str, resolution: str) -> bool:
    """Clear the open incident of that kind and object, if there is one; whether there was."""
    cleared = incidents_open().filter(kind=kind, object=object)
    return bool(cleared.update(cleared_at=timezone.now(), resolution=resolution))


def incidents_prune(*, days: int) -> int:
    """Delete incidents that were cleared more than `days` ago; gives how many. Raises ValueError below one day."""
    return delete_in_chunks(Incident.objects.filter(cleared_at__lt=long_ago(days)).order_by("pk"))
