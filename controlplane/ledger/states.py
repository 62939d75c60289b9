"""A verification's states, and which may follow which."""

from django.db import models


class VerificationStatus(models.TextChoices):
    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


MOVES = {
    VerificationStatus.REQUESTED: {VerificationStatus.RUNNING},
    VerificationStatus.RUNNING: {VerificationStatus.SUCCEEDED, VerificationStatus.FAILED},
}
TERMINAL = frozenset(VerificationStatus) - MOVES.keys()
