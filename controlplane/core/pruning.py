"""Deleting what is old, a little at a time: no lock lasts, and whoever writes meanwhile waits for one chunk at most."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

CHUNK = 2000


def long_ago(days: int) -> datetime:
    """What came before it may go. Raises ValueError for less than a day, which would leave nothing to look at."""
    if days < 1:
        raise ValueError(f"{days} days: at least one is kept")
    return timezone.now() - timedelta(days=days)


def delete_in_chunks(old: QuerySet, chunk: int = CHUNK) -> int:
    """Delete the rows of a query, chunk by chunk in its order, each in a transaction of its own; gives how many.

    The query's condition is asked again with each delete, so that a row that has changed meanwhile stays.
    """
    deleted = 0
    while True:
        some = list(old.values_list("pk", flat=True)[:chunk])
        gone = old.order_by().filter(pk__in=some).delete()[0] if some else 0
        deleted += gone
        # A chunk that was not full was the last one; one of which nothing went would come again and again.
        if len(some) < chunk or not gone:
            return deleted
