"""Texts that lists, logs and mails show in one line."""

from __future__ import annotations

import unicodedata

# Controls, halves of surrogate pairs, line and paragraph ends.
NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They have what follows shown in another order than it has: a log could be made to read what it does not say.
REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COMPLAINT = "this holds characters that no line of text has"


def is_line(text: str) -> bool:
    """Whether a text is one line, and reads as it is."""
    return not any(unicodedata.category(sign) in NOT_IN_A_LINE or sign in REORDERING for sign in text)
