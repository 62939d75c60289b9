"""Whether a suite can be what it says: by its layer's columns and the vocabulary, or by what drift knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controlplane.core.errors import Invalid
from controlplane.core.text import storable
from controlplane.quality import drift
from spark_jobs.suites import Layer, Severity
from spark_jobs.vocabulary import MOST_EXPECTATIONS, complaints

NAME = re.compile(r"[-a-zA-Z0-9_]{1,50}")
FIELDS = ("layer", "severity", "expectations")


def suite_checked(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Layer, severity and expectations, each of these whole. Raises Invalid with a sentence for each that is not."""
    errors: dict[str, list[str]] = {}
    if not NAME.fullmatch(name):
        errors["name"] = ["letters, digits, - and _ make a name, 50 of them at most"]
    for field, kind in (("layer", Layer), ("severity", Severity)):
        if values[field] not in list(kind):
            errors[field] = [f"one of {', '.join(kind)}"]
    expectations, wrong = _shaped(values["expectations"])
    errors |= wrong
    if not wrong and "layer" not in errors:
        if name != drift.SUITE:
            errors |= complaints(values["layer"], expectations)
        elif values["layer"] != Layer.SILVER:
            errors["layer"] = [f"{drift.SUITE} is about {Layer.SILVER}"]
        else:
            errors |= drift.drift_complaints(expectations)
    if errors:
        raise Invalid("the suite is not right", errors)
    return {"layer": str(values["layer"]), "severity": str(values["severity"]), "expectations": expectations}


def _shaped(raw: Any) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The expectations with all their names, or what is wrong with them.

    By what PostgreSQL can keep, and by what both vocabularies take for granted.
    """
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_EXPECTATIONS:
        return [], {"expectations": [f"a list of 1 to {MOST_EXPECTATIONS} expectations is needed"]}
    errors: dict[str, list[str]] = {}
    for at, item in enumerate(raw):
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            errors[f"expectations.{at}"] = ["an object with type, and arguments, is needed"]
        elif unknown := sorted(set(item) - {"type", "arguments"}):
            errors[f"expectations.{at}"] = [f"{unknown[0][:100]} is unknown: type and arguments are not"]
        elif not isinstance(item.get("arguments", {}), dict):
            errors[f"expectations.{at}.arguments"] = ["an object is needed"]
        elif storable(item) != item:
            errors[f"expectations.{at}"] = ["this holds what no JSON that is kept can hold"]
    return [] if errors else [{"type": item["type"], "arguments": item.get("arguments", {})} for item in raw], errors
