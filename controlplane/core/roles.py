"""Who may do what: roles of people, scopes of tokens. Data, no code that knows a model."""

from django.db import models


class Role(models.TextChoices):
    """From the least to the most; each may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"

    def covers(self, needed: str) -> bool:
        order = Role.values
        return bool(order.index(self) >= order.index(needed))


class Scope(models.TextChoices):
    READ = "read"
    WRITE = "write"
