"""Errors of the domain. They know no HTTP."""

from collections.abc import Mapping


class DomainError(Exception):
    """Something was asked for that cannot be done; the message says why and changed nothing."""


class NotFound(DomainError):
    """No object of that name."""


class IllegalMove(DomainError):
    """A state may not follow the present one."""


class Invalid(DomainError):
    """What was asked for makes no sense as it stands, whatever there is. `errors` has the sentences by field."""

    def __init__(self, message: str, errors: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.errors = dict(errors or {})


class LoginFailed(DomainError):
    """Name and password do not belong together; which of them is wrong is not said."""


class TooManyAttempts(DomainError):
    """Refused unseen, because too much was tried in too short a time; `wait` is in seconds."""

    def __init__(self, message: str, wait: int) -> None:
        super().__init__(message)
        self.wait = wait
