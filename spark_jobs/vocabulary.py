"""Which of Great Expectations a suite may hold, and what each may be told. Standard library only.

Nothing here takes a query, a condition or code: what a person may edit runs inside the pipeline's own application.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from spark_jobs.columns import COLUMNS, Kind

MOST_EXPECTATIONS = 100
MOST_VALUES = 200
LONGEST_TEXT = 500
SINGLE = frozenset({Kind.TEXT, Kind.NUMBER, Kind.TIME, Kind.DATE})
ANY = frozenset(Kind)

Columns = Mapping[str, Kind]
Complaint = Callable[[Any, Columns], str | None]


@dataclass(frozen=True)
class Argument:
    """`words` say what it is; `complaint` says what is wrong with a value, None where nothing is."""

    name: str
    words: str
    complaint: Complaint
    required: bool = True


@dataclass(frozen=True)
class Shape:
    """What one expectation takes. Where `bounded`, one of min_value and max_value at least, in their order.

    `per_row` is one that single rows break, which can be counted and shown.
    """

    words: str
    arguments: tuple[Argument, ...]
    bounded: bool = False
    per_row: bool = True


def _column(kinds: frozenset[Kind]) -> Complaint:
    names = ", ".join(sorted(kinds)) if kinds != ANY else ""

    def complaint(value: Any, columns: Columns) -> str | None:
        if not isinstance(value, str) or value not in columns:
            return f"no column of the table: one of {', '.join(columns)}"
        return None if columns[value] in kinds else f"{value} is of kind {columns[value]}; of {names} it has to be"

    return complaint


def _columns(value: Any, columns: Columns) -> str | None:
    if not isinstance(value, list) or not 2 <= len(value) <= len(columns) or len(set(map(str, value))) != len(value):
        return "a list of two columns or more, each once"
    return next((words for item in value if (words := _column(SINGLE)(item, columns))), None)


def _number(value: Any, _: Columns) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        return "a finite number is needed"
    return None


def _whole(value: Any, _: Columns) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        return "a whole number from 0 on is needed"
    return None


def _share(value: Any, columns: Columns) -> str | None:
    return _number(value, columns) or (None if 0 < value <= 1 else "a share above 0 and up to 1 is needed")


def _flag(value: Any, _: Columns) -> str | None:
    return None if isinstance(value, bool) else "true or false is needed"


def _values(value: Any, columns: Columns) -> str | None:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_VALUES:
        return f"a list of 1 to {MOST_VALUES} texts or numbers is needed"
    texts = all(isinstance(item, str) and len(item) <= LONGEST_TEXT for item in value)
    numbers = all(_number(item, columns) is None for item in value)
    return None if texts or numbers else f"texts of {LONGEST_TEXT} characters at most, or finite numbers, are needed"


def _regex(value: Any, _: Columns) -> str | None:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT:
        return f"a regular expression of 1 to {LONGEST_TEXT} characters is needed"
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        return f"this is no regular expression: {error}"
    return None


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


_ANY = Argument("column", "a column", _column(ANY))
_SINGLE = Argument("column", "a column of text, numbers or times", _column(SINGLE))
_TEXT = Argument("column", "a column of text", _column(frozenset({Kind.TEXT})))
_NUMBER = Argument("column", "a column of numbers", _column(frozenset({Kind.NUMBER})))
_PLAIN = Argument("column", "a column of text or numbers", _column(frozenset({Kind.TEXT, Kind.NUMBER})))
_MOSTLY = Argument("mostly", "the share of rows that has to comply, 1 by itself", _share, required=False)
_STRICT = tuple(
    Argument(f"strict_{end}", "whether the bound itself is outside", _flag, required=False) for end in ("min", "max")
)
_BOUNDS = tuple(Argument(f"{end}_value", "a bound, included", _number, required=False) for end in ("min", "max"))
_COUNTS = tuple(Argument(f"{end}_value", "a bound, included", _whole, required=False) for end in ("min", "max"))
_SET = Argument("value_set", "a list of texts or numbers", _values)
_REGEX = Argument("regex", "a regular expression", _regex)


def _figure(words: str) -> Shape:
    return Shape(words, (_NUMBER, *_BOUNDS, *_STRICT), bounded=True, per_row=False)


VOCABULARY: Mapping[str, Shape] = MappingProxyType(
    {
        "expect_column_to_exist": Shape("the table has the column", (_ANY,), per_row=False),
        "expect_column_values_to_not_be_null": Shape("values are there", (_ANY, _MOSTLY)),
        "expect_column_values_to_be_null": Shape("values are not there", (_ANY, _MOSTLY)),
        "expect_column_values_to_be_between": Shape(
            "values lie between the bounds", (_NUMBER, *_BOUNDS, *_STRICT, _MOSTLY), bounded=True
        ),
        "expect_column_values_to_be_in_set": Shape("values are among these", (_PLAIN, _SET, _MOSTLY)),
        "expect_column_values_to_not_be_in_set": Shape("values are none of these", (_PLAIN, _SET, _MOSTLY)),
        "expect_column_values_to_match_regex": Shape("values contain the pattern", (_TEXT, _REGEX, _MOSTLY)),
        "expect_column_values_to_not_match_regex": Shape("values do not contain it", (_TEXT, _REGEX, _MOSTLY)),
        "expect_column_value_lengths_to_be_between": Shape(
            "texts are as long as the bounds say", (_TEXT, *_COUNTS, _MOSTLY), bounded=True
        ),
        "expect_column_values_to_be_unique": Shape("no value is there twice", (_SINGLE, _MOSTLY)),
        "expect_compound_columns_to_be_unique": Shape(
            "no combination of values is there twice",
            (Argument("column_list", "two columns or more", _columns), _MOSTLY),
        ),
        "expect_column_pair_values_a_to_be_greater_than_b": Shape(
            "values of A are greater than those of B where both are there",
            (
                Argument("column_A", "a column of numbers", _column(frozenset({Kind.NUMBER}))),
                Argument("column_B", "a column of numbers", _column(frozenset({Kind.NUMBER}))),
                Argument("or_equal", "whether they may be equal", _flag, required=False),
                _MOSTLY,
            ),
        ),
        "expect_column_mean_to_be_between": _figure("the mean lies between the bounds"),
        "expect_column_median_to_be_between": _figure("the median lies between the bounds"),
        "expect_column_stdev_to_be_between": _figure("the standard deviation lies between the bounds"),
        "expect_column_min_to_be_between": _figure("the least value lies between the bounds"),
        "expect_column_max_to_be_between": _figure("the greatest value lies between the bounds"),
        "expect_column_sum_to_be_between": _figure("the sum lies between the bounds"),
        "expect_column_proportion_of_non_null_values_to_be_between": Shape(
            "the share of rows that have a value lies between the bounds",
            (_ANY, *_BOUNDS, *_STRICT),
            bounded=True,
            per_row=False,
        ),
        "expect_column_unique_value_count_to_be_between": Shape(
            "there are as many values as the bounds say", (_PLAIN, *_COUNTS), bounded=True, per_row=False
        ),
        "expect_table_row_count_to_be_between": Shape(
            "there are as many rows as the bounds say", _COUNTS, bounded=True, per_row=False
        ),
    }
)


def complaints(layer: str, expectations: Any) -> dict[str, list[str]]:
    """What is wrong with a suite's expectations (each {"type": ..., "arguments": {...}}), by where it is wrong.

    Keys are as `expectations.3.column`; nothing is wrong where there are none.
    """
    if layer not in COLUMNS:
        return {"layer": [f"one of {', '.join(COLUMNS)}"]}
    if not isinstance(expectations, list) or not expectations:
        return {"expectations": ["a list of expectations is needed, one at least"]}
    if len(expectations) > MOST_EXPECTATIONS:
        return {"expectations": [f"{len(expectations)} of them; {MOST_EXPECTATIONS} at most"]}
    found: dict[str, list[str]] = {}
    for number, item in enumerate(expectations):
        for name, words in _of_one(item, COLUMNS[layer]):
            found.setdefault(f"expectations.{number}{'.' if name else ''}{name[:100]}", []).append(words)
    return found


def _of_one(item: Any, columns: Columns) -> list[tuple[str, str]]:
    if not isinstance(item, dict) or set(item) - {"type", "arguments"} or "type" not in item:
        return [("", 'an object with "type" and "arguments" is needed')]
    shape = VOCABULARY.get(item["type"]) if isinstance(item["type"], str) else None
    if shape is None:
        return [("type", f"one of {', '.join(VOCABULARY)}")]
    told = item.get("arguments", {})
    if not isinstance(told, dict):
        return [("arguments", "an object is needed")]
    known = {argument.name: argument for argument in shape.arguments}
    wrong = [(str(name), f"unknown to {item['type']}") for name in told if name not in known]
    wrong += [(name, "is needed") for name, argument in known.items() if argument.required and name not in told]
    for name, argument in known.items():
        if name in told and (words := argument.complaint(told[name], columns)):
            wrong.append((name, words))
    return wrong or (_bounds(told) if shape.bounded else [])


def _bounds(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    least, greatest = told.get("min_value"), told.get("max_value")
    if least is None and greatest is None:
        return [("min_value", "this or max_value is needed")]
    if least is not None and greatest is not None and least > greatest:
        return [("max_value", "below min_value")]
    return []


def _suite(name: str, layer: str, severity: str, *expectations: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    listed = [{"type": kind, "arguments": dict(arguments)} for kind, arguments in expectations]
    return {"name": name, "layer": layer, "severity": severity, "expectations": listed}


def _there(*columns: str) -> list[tuple[str, Mapping[str, Any]]]:
    return [("expect_column_values_to_not_be_null", {"column": column}) for column in columns]


def _ordered(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Means and sketches are rounded: of equal values one may come out greater than its bound by the last bit."""
    kind = "expect_column_pair_values_a_to_be_greater_than_b"
    return [(kind, {"column_A": a, "column_B": b, "or_equal": True, "mostly": 0.99}) for a, b in pairs]


# What a new pipeline has; any fleet's data should pass them.
PROVIDED: tuple[dict[str, Any], ...] = (
    _suite(
        "bronze",
        "bronze",
        "warn",
        *_there("topic", "partition", "offset", "kafka_timestamp", "sensor_id", "sensor_type", "timestamp", "value"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["topic", "partition", "offset"]}),
        ("expect_column_value_lengths_to_be_between", {"column": "sensor_id", "min_value": 1, "max_value": 1000}),
    ),
    _suite(
        "silver",
        "silver",
        "hold",
        *_there("sensor_id", "sensor_type", "timestamp", "value", "unit", "location", "job_version"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["sensor_id", "timestamp"]}),
        (
            "expect_column_values_to_be_between",
            {"column": "anomaly_score", "min_value": -3, "max_value": 3, "mostly": 0.9},
        ),
    ),
    _suite(
        "gold",
        "gold",
        "hold",
        *_there("sensor_id", "window_start", "window_end", "reading_count", "anomaly_count"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["sensor_id", "window_start"]}),
        ("expect_column_values_to_be_between", {"column": "reading_count", "min_value": 0}),
        ("expect_column_values_to_be_between", {"column": "health_pct", "min_value": 0, "max_value": 100}),
        ("expect_column_values_to_be_between", {"column": "value_stddev", "min_value": 0}),
        *_ordered(
            (
                ("reading_count", "anomaly_count"),
                ("value_max", "value_avg"),
                ("value_avg", "value_min"),
                ("p99", "p50"),
            )
        ),
    ),
)
