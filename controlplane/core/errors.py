"""Errors of the domain. They know no HTTP."""


class DomainError(Exception):
    """Something was asked for that cannot be done; the message says why and changed nothing."""


class NotFound(DomainError):
    """No object of that name."""


class IllegalMove(DomainError):
    """A state may not follow the present one."""


class Invalid(DomainError):
    """What was asked for makes no sense as it stands, whatever there is."""
