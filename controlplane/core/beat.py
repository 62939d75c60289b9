"""Celery beat's rows of the settings' schedule. Beat writes them from the settings, and takes none away."""

from __future__ import annotations

from django.conf import settings
from django_celery_beat.models import PeriodicTask

OURS = "penstock."


def beat_prune() -> list[str]:
    """Delete the rows of entries that the settings had once and have no longer; gives their names.

    An entry of the settings is a task of ours without arguments. A row with arguments is somebody's schedule.
    """
    written = PeriodicTask.objects.filter(task__startswith=OURS, args="[]", kwargs="{}")
    stale = written.exclude(name__in=settings.CELERY_BEAT_SCHEDULE)
    names = sorted(stale.values_list("name", flat=True))
    stale.delete()
    return names
