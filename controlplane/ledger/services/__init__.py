"""Writing the accounts, watching them, and having questions about them answered."""

from controlplane.ledger.services.entries import entries_record, load_record
from controlplane.ledger.services.imbalances import imbalances_watch
from controlplane.ledger.services.inquiries import (
    inquiries_prune,
    inquiries_recover,
    inquiry_fail,
    inquiry_request,
    inquiry_start,
    inquiry_succeed,
    recount_request,
)

__all__ = [
    "entries_record",
    "imbalances_watch",
    "inquiries_prune",
    "inquiries_recover",
    "inquiry_fail",
    "inquiry_request",
    "inquiry_start",
    "inquiry_succeed",
    "load_record",
    "recount_request",
]
