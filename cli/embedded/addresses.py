"""Where the services of one machine are reached. Apart from their modules, whose clients take long to import."""

from __future__ import annotations

from cli.embedded.ports import HOST


def postgres_url(port: int, role: str, password: str, database: str | None = None) -> str:
    """The URL of a database for a role; a role's own database by default."""
    return f"postgresql://{role}:{password}@{HOST}:{port}/{database or role}"


def redis_url(port: int, password: str) -> str:
    """Redis's URL, with the password."""
    return f"redis://:{password}@{HOST}:{port}/0"


def bootstrap_servers(port: int) -> str:
    """What Kafka's clients are given."""
    return f"{HOST}:{port}"
