"""Django's test database on the session's real PostgreSQL."""

from __future__ import annotations

from tests.django_database import django_db_modify_db_settings, pipeline

__all__ = ["django_db_modify_db_settings", "pipeline"]
