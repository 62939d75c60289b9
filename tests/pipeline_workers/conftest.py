"""Databases of a test's own, and Gold made without Spark."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.django_database import no_broker, pipeline, queue_away, topic

__all__ = ["no_broker", "pipeline", "queue_away", "topic"]


@pytest.fixture
def warehouse(postgres: str) -> Iterator[str]:
    """URL of an empty database."""
    name = f"warehouse_{uuid4().hex[:8]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
