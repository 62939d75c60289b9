"""Whether this process answers, and whether what it needs does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
SECONDS = 2.0


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """503 with the names of what does not answer."""
    missing = [name for name, answers in NEEDED.items() if not answers()]
    if missing:
        return JsonResponse({"status": "unavailable", "missing": missing}, status=503)
    return JsonResponse({"status": "ok", "missing": []})


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("not ready: %s", error)
        # Django keeps a connection that broke until the request's end, and would not open another.
        connection.close()
        return False
    return True


def _redis() -> bool:
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
    try:
        with closing(client):
            return bool(client.ping())
    except (RedisError, OSError) as error:
        logger.warning("not ready: %s", error)
        return False


NEEDED: dict[str, Callable[[], bool]] = {"database": _database, "redis": _redis}
