"""Django's test database on the session's real PostgreSQL."""

from __future__ import annotations

from tests.django_database import no_broker, pipeline, queue_away, topic

__all__ = ["no_broker", "pipeline", "queue_away", "topic"]
