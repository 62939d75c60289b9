"""Opening, clearing and forgetting incidents, and telling people of them.

Opening and clearing may be called again and again with what is so now; `kind` is an IncidentKind.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from controlplane.alerts.models import Incident, Notification
from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.states import NotificationState
from controlplane.core.pruning import delete_in_chunks, long_ago

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=30)
MOST_ATTEMPTS = 12  # a little more than three hours


def incident_open(*, kind: str, object: str, cause: str) -> bool:
    """Open an incident with its cause; one that is open already stays as it began. Whether there was none."""
    _, made = Incident.objects.get_or_create(kind=kind, object=object, cleared_at=None, defaults={"cause": cause})
    return bool(made)


@transaction.atomic
def incident_tell(*, kind: str, object: str, cause: str, subject: str) -> bool:
    """Open an incident as `incident_open` does, and have people told of one that was not open."""
    made = incident_open(kind=kind, object=object, cause=cause)
    if made:
        notification_make(subject=subject, text=cause)
    return made


def incident_amend(*, kind: str, object: str, cause: str) -> bool:
    """Have the open incident say what is wrong now, where that has changed; whether it had."""
    changed = incidents_open().filter(kind=kind, object=object).exclude(cause=cause).update(cause=cause)
    return bool(changed)


def incident_clear(*, kind: str, object: str, resolution: str) -> bool:
    """Clear the open incident of that kind and object, if there is one; whether there was."""
    cleared = incidents_open().filter(kind=kind, object=object)
    return bool(cleared.update(cleared_at=timezone.now(), resolution=resolution))


def notification_make(*, subject: str, text: str) -> Notification:
    """Have something told. It waits in the database; nobody who calls this waits for it."""
    return Notification.objects.create(subject=subject[:300], text=text, next_attempt_at=timezone.now())


def notification_claim(*, notification: Notification) -> bool:
    """Win the next attempt: whoever else looks sees it due later."""
    pause = min(FIRST_PAUSE * 2**notification.attempts, LONGEST_PAUSE)
    won = Notification.objects.filter(
        pk=notification.pk, state=NotificationState.WAITING, attempts=notification.attempts
    ).update(attempts=notification.attempts + 1, next_attempt_at=timezone.now() + pause)
    notification.refresh_from_db()
    return bool(won)


def notification_sent(*, notification: Notification) -> None:
    sent = {"state": NotificationState.SENT, "sent_at": timezone.now(), "error": ""}
    Notification.objects.filter(pk=notification.pk, state=NotificationState.WAITING).update(**sent)


def notification_failed(*, notification: Notification, error: str) -> None:
    """Keep why; it is tried again at its time, or given up."""
    state = NotificationState.GIVEN_UP if notification.attempts >= MOST_ATTEMPTS else NotificationState.WAITING
    waiting = Notification.objects.filter(pk=notification.pk, state=NotificationState.WAITING)
    waiting.update(state=state, error=error[:500])


def incidents_prune(*, days: int) -> int:
    """Delete incidents that were cleared more than `days` ago; gives how many. Raises ValueError below one day."""
    return delete_in_chunks(Incident.objects.filter(cleared_at__lt=long_ago(days)).order_by("pk"))
