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


def observed_words(observed: Any) -> str:
    """What an expectation observed: a number, a text, or some of them by name."""
    if isinstance(observed, dict):
        return ", ".join(f"{name} {observed_words(value)}" for name, value in observed.items() if value is not None)
    if isinstance(observed, list):
        return ", ".join(observed_words(value) for value in observed)
    return "" if observed is None else f"{observed:.6g}" if isinstance(observed, float) else str(observed)


def _result_words(result: Any) -> str:
    about = ", ".join(value[:60] for value in result.arguments.values() if isinstance(value, str))
    found = result.message or (f"observed {observed_words(result.observed)}" if result.observed is not None else "")
    rows = f"{result.unexpected:,} unexpected" if result.unexpected else ""
    told = ", ".join(word for word in (result.verdict, rows, found[:LONGEST]) if word)
    return f"{result.type}{f' of {about}' if about else ''} ({told})"
