"""What an application tells of a suite."""

from __future__ import annotations

from datetime import date
from typing import Any

DAY = date(2026, 3, 9)
NOT_NULL: dict[str, Any] = {"type": "expect_column_values_to_not_be_null", "arguments": {"column": "value"}}


def evaluation(suite: str, verdict: str, *, version: int = 1, **result: Any) -> dict[str, Any]:
    """Of one expectation; `result` says of it what is not as usual."""
    usual = NOT_NULL | {"verdict": verdict, "observed": 2.5, "unexpected": 3, "samples": [], "message": ""}
    span = {"start": f"{DAY}T00:00:00+00:00", "end": f"{DAY}T01:00:00+00:00"}
    about = {"suite": suite, "version": version, **span, "verdict": verdict, "rows": 7, "seconds": 0.5}
    return {**about, "results": [usual | result]}
