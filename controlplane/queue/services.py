"""Noting that a worker lives."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from controlplane.queue.models import WorkerHeartbeat

KEPT = timedelta(days=1)  # after which a worker of that name is not expected back


def worker_heard(*, worker: str) -> None:
    """A worker took a canary. Those that have long been gone are forgotten."""
    now = timezone.now()
    WorkerHeartbeat.objects.update_or_create(worker=worker[:255], defaults={"at": now})
    WorkerHeartbeat.objects.filter(at__lt=now - KEPT).delete()
