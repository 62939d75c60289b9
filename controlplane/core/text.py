"""Texts that lists, logs and mails show in one line, and values that a column of JSON can hold."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

# Controls, halves of surrogate pairs, line and paragraph ends.
NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They have what follows shown in another order than it has: a log could be made to read what it does not say.
REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COMPLAINT = "this holds characters that no line of text has"


def is_line(text: str) -> bool:
    """Whether a text is one line, and reads as it is."""
    return not any(unicodedata.category(sign) in NOT_IN_A_LINE or sign in REORDERING for sign in text)


def storable(value: Any) -> Any:
    """A JSON value as PostgreSQL can hold it, which knows no NUL, no half of a surrogate pair, and no NaN."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {storable(str(name)): storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value
