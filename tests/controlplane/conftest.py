"""Django's test database on the session's real PostgreSQL."""

from __future__ import annotations

from tests.django_database import pipeline

__all__ = ["pipeline"]
