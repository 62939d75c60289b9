"""The interface of every notifier."""

from __future__ import annotations

from typing import Protocol


class Undelivered(Exception):
    """Not sent; the message says why, and names no secret."""


class Notifier(Protocol):
    def send(self, subject: str, text: str) -> None:
        """Raises Undelivered."""
