"""Writing the accounts, and having them recounted."""

from controlplane.ledger.services.entries import entries_record, load_record
from controlplane.ledger.services.imbalances import imbalances_watch
from controlplane.ledger.services.verifications import (
    verification_fail,
    verification_request,
    verification_start,
    verification_succeed,
    verifications_recover,
)

__all__ = [
    "entries_record",
    "imbalances_watch",
    "load_record",
    "verification_fail",
    "verification_request",
    "verification_start",
    "verification_succeed",
    "verifications_recover",
]
