"""What a payload looks like, whatever it says: letters of one shape are mended by one mapping."""

from __future__ import annotations

import json
from typing import Any

LONGEST = 300  # characters of a shape
LONGEST_NAME = 40
MOST_FIELDS = 20
KINDS = {str: "text", bool: "truth", int: "number", float: "number", list: "list", dict: "object", type(None): "null"}


def shape_of(payload: bytes | None) -> str:
    """A word for what is no JSON object, else its names, sorted, with the kinds of their values: `unit text`."""
    if not payload:
        return "empty"
    try:
        parsed = json.loads(payload.decode())
    except UnicodeDecodeError:
        return "not UTF-8"
    except RecursionError:
        return "nested too deeply"
    except ValueError:
        return "not JSON"
    if not isinstance(parsed, dict):
        return f"a JSON {KINDS[type(parsed)]}"
    return _fields(parsed) or "no fields"


def _fields(parsed: dict[str, Any]) -> str:
    shown = [f"{_named(name)} {KINDS[type(parsed[name])]}" for name in sorted(parsed)[:MOST_FIELDS]]
    told = ", ".join(shown)
    more = len(parsed) > MOST_FIELDS or len(told) > LONGEST
    return f"{told[: LONGEST - 5]}, ..." if more else told


def _named(name: str) -> str:
    """A name as a column of text can hold it and a line can show it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 3]}..."
