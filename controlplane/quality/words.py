"""Expectations and what became of them, in words. Results may be told ones or rows: both say the same by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.quality.drift import MEANT
from controlplane.quality.states import BROKEN

NAMED = 3  # expectations in a sentence
LONGEST = 200  # characters of what a sentence says of one


def findings_words(suite: str, version: int, results: Sequence[Any]) -> str:
    """What did not hold, in a sentence that names the suite, expectations and counts."""
    broken = [result for result in results if result.verdict in BROKEN]
    named = "; ".join(_result_words(result) for result in broken[:NAMED])
    more = f"; and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    told = f"suite {suite} v{version}: {len(broken)} of {len(results)} expectations do not hold"
    return f"{told}: {named}{more}" if named else told


def expectation_words(type: str, arguments: Mapping[str, Any]) -> str:
    """`value: values to be between, min value 0, max value 5`."""
    about = [str(arguments[name]) for name in ("column", "sensor_type") if name in arguments]
    what = MEANT.get(type) or type.removeprefix("expect_").removeprefix("column_").replace("_", " ")
    rest = [
        f"{name.replace('_', ' ')} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in arguments.items()
        if name not in ("column", "sensor_type")
    ]
    return f"{' '.join(about)}{': ' if about else ''}{', '.join([what, *rest])}"


def _result_words(result: Any) -> str:
    about = ", ".join(value[:60] for value in result.arguments.values() if isinstance(value, str))
    found = result.message or (f"observed {result.observed}" if result.observed is not None else "")
    rows = f"{result.unexpected:,} unexpected" if result.unexpected else ""
    told = ", ".join(word for word in (result.verdict, rows, found[:LONGEST]) if word)
    return f"{result.type}{f' of {about}' if about else ''} ({told})"
