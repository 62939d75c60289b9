"""Reading the queue: from Redis what waits, from the database who works. What is not known is None, never 0."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from controlplane.core.models import Outbox
from controlplane.queue.models import WorkerHeartbeat

SECONDS = 2.0
ANSWERING = timedelta(seconds=60)  # a canary is sent every 10 s, and any worker may get it
SENT_AT = "sent_at"  # header of every message, set where it is published

logger = logging.getLogger(__name__)


def queue_described() -> dict[str, Any]:
    """The facts that docs/api.md lists. `oldest_seconds` is of the message that is taken next, None also where there is
    none; `unsent` are tasks that Redis has not taken yet; `workers` took a canary in the last minute.
    """
    now = timezone.now()
    name = str(current_app.conf.task_default_queue)
    waiting = _waiting(name)
    heard = list(WorkerHeartbeat.objects.order_by("-at"))
    return {
        "queue": name,
        "answers": waiting is not None,
        "length": waiting[0] if waiting else None,
        "oldest_seconds": _age(waiting[1], now.timestamp()) if waiting else None,
        "unsent": Outbox.objects.filter(sent_at__isnull=True).count(),
        "workers": sorted(item.worker for item in heard if now - item.at <= ANSWERING),
        "canary_seconds": (now - heard[0].at).total_seconds() if heard else None,
    }


def _waiting(name: str) -> tuple[int, bytes | None] | None:
    """How many messages wait and the oldest of them; None where Redis does not answer."""
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
    try:
        with closing(client):
            # Producers push on the left, workers take from the right.
            both = client.pipeline()
            both.llen(name)
            both.lindex(name, -1)
            length, oldest = both.execute()
    except (RedisError, OSError) as error:
        logger.warning("the queue is not known: %s", error)
        return None
    return int(length), oldest


def _age(message: bytes | None, now: float) -> float | None:
    """Seconds since a message was published; None where it does not say."""
    try:
        return max(now - float(json.loads(message)["headers"][SENT_AT]), 0.0) if message else None
    except (ValueError, TypeError, KeyError):
        return None
