"""Effects leave on commit, at least once: tasks must be able to run twice."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from controlplane.core.models import Outbox

logger = logging.getLogger(__name__)
KEEP_SENT = timedelta(hours=1)
GRACE = timedelta(seconds=3)


def enqueue(*, task: str, **arguments: Any) -> Outbox:
    """Have `task` sent once this transaction commits; if that fails, the sweeper sends it."""
    row = Outbox.objects.create(task=task, arguments=arguments)
    transaction.on_commit(lambda: _send(row.pk))
    return row


def sweep() -> int:
    """Send what a crash or a broker that was away left behind, and forget what was sent long ago."""
    now = timezone.now()
    Outbox.objects.filter(sent_at__lt=now - KEEP_SENT).delete()
    left = Outbox.objects.filter(sent_at__isnull=True, created_at__lt=now - GRACE).order_by("created_at")
    return sum(_send(pk) for pk in left.values_list("pk", flat=True)[:500])


def _send(pk: int) -> bool:
    """Claim by locking the row, send, then mark: a crash between the two sends it again."""
    try:
        with transaction.atomic():
            row = Outbox.objects.select_for_update(skip_locked=True).filter(pk=pk, sent_at__isnull=True).first()
            if row is None:
                return False
            current_app.send_task(row.task, kwargs=row.arguments)
            row.sent_at = timezone.now()
            row.save(update_fields=["sent_at"])
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("outbox: %s waits: %s", pk, error)
        return False
    return True
