"""What suites may say, as people are told of it."""

from __future__ import annotations

from typing import Any

from controlplane.quality import drift
from spark_jobs.columns import COLUMNS
from spark_jobs.vocabulary import VOCABULARY


def vocabulary_described() -> dict[str, Any]:
    """Types with their arguments, drift's own, and the columns of each layer with their kinds."""
    return {
        "types": [
            {
                "type": kind,
                "meaning": shape.words,
                "arguments": [
                    {"name": argument.name, "required": argument.required, "meaning": argument.words}
                    for argument in shape.arguments
                ],
            }
            for kind, shape in VOCABULARY.items()
        ],
        "drift": [
            {
                "type": kind,
                "meaning": meant,
                "arguments": [{"name": "limit", "required": False, "meaning": f"{drift.LIMITS[kind]:g} unless told"}],
            }
            for kind, meant in drift.MEANT.items()
        ],
        "columns": [
            {"layer": layer, "columns": [{"name": name, "kind": kind} for name, kind in columns.items()]}
            for layer, columns in COLUMNS.items()
        ],
    }
