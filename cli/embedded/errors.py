"""What can go wrong on one machine, said so that a person can act on it."""

from __future__ import annotations


class StackError(Exception):
    """One line that names the cause; `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message
