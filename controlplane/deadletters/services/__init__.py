"""Writing: the index, discards and redrives."""

from controlplane.deadletters.services.discards import letters_discard, letters_reopen
from controlplane.deadletters.services.index import Found, Taken, expiry_take, letters_index
from controlplane.deadletters.services.redrives import redrive_cancel, redrive_request
from controlplane.deadletters.services.retention import expiry_warn, warnings_mend
from controlplane.deadletters.services.sending import (
    Chunk,
    chunk_begin,
    chunk_end,
    redrive_end,
    redrive_fail,
    redrive_settle,
    redrive_start,
)

__all__ = [
    "Chunk",
    "Found",
    "Taken",
    "chunk_begin",
    "chunk_end",
    "expiry_take",
    "expiry_warn",
    "letters_discard",
    "letters_index",
    "letters_reopen",
    "redrive_cancel",
    "redrive_end",
    "redrive_fail",
    "redrive_request",
    "redrive_settle",
    "redrive_start",
    "warnings_mend",
]
