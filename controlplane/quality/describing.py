"""What suites may say, as people are told of it."""

from __future__ import annotations

from typing import Any

from controlplane.quality import drift


def vocabulary_described() -> dict[str, Any]:
    limits = {kind: f"{drift.MEANT[kind]}; {limit:g} unless told" for kind, limit in drift.LIMITS.items()}
    return {
        "types": [],
        "drift": [
            {"type": kind, "meaning": meant, "arguments": [{"name": "limit", "needed": False, "meaning": limits[kind]}]}
            for kind, meant in drift.MEANT.items()
        ],
        "columns": {},
    }
