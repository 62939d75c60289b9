"""What may be asked, an inquiry's states, and which may follow which."""

from django.db import models


class InquiryKind(models.TextChoices):
    RECOUNT = "recount"  # the accounts, trusting no report
    TRACE = "trace"  # where one reading is, or why it stopped
    DELAYS = "delays"  # how late readings arrive, and what each watermark would have deferred


class InquiryStatus(models.TextChoices):
    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


MOVES = {
    InquiryStatus.REQUESTED: {InquiryStatus.RUNNING},
    InquiryStatus.RUNNING: {InquiryStatus.SUCCEEDED, InquiryStatus.FAILED},
}
ENDED = frozenset(InquiryStatus) - MOVES.keys()
