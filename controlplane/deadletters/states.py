"""The fates of a dead letter and the states of a redrive, and which may follow which."""

from django.db import models


class LetterStatus(models.TextChoices):
    OPEN = "open"
    REDRIVING = "redriving"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"
    EXPIRED = "expired"


# Open again it is when a redrive ends without having sent it, and when a discard is taken back.
LETTER_MOVES = {
    LetterStatus.OPEN: {LetterStatus.REDRIVING, LetterStatus.DISCARDED, LetterStatus.EXPIRED},
    LetterStatus.REDRIVING: {LetterStatus.REDRIVEN, LetterStatus.OPEN},
    LetterStatus.DISCARDED: {LetterStatus.OPEN},
}


class RedriveState(models.TextChoices):
    REQUESTED = "requested"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


# What has begun to send is cancelled by who sends: only then is it known what was sent.
REDRIVE_MOVES = {
    RedriveState.REQUESTED: {RedriveState.RUNNING, RedriveState.CANCELLED},
    RedriveState.RUNNING: {RedriveState.CANCELLING, RedriveState.SUCCEEDED, RedriveState.FAILED},
    RedriveState.CANCELLING: {RedriveState.CANCELLED, RedriveState.FAILED},
}
REDRIVE_ENDED = frozenset(RedriveState) - REDRIVE_MOVES.keys()
