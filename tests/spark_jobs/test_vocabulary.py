"""What a suite may say is checked before it is kept."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql.types import ArrayType, BinaryType, DataType, DateType, StringType, StructType, TimestampType

from spark_jobs.columns import COLUMNS, IDENTITY, Kind
from spark_jobs.schemas import BRONZE, SENSOR_5MIN, SILVER
from spark_jobs.suites import Layer, Verdict, worst
from spark_jobs.vocabulary import PROVIDED, VOCABULARY, complaints

BETWEEN = "expect_column_values_to_be_between"
KINDS: dict[type[DataType], Kind] = {
    StringType: Kind.TEXT,
    TimestampType: Kind.TIME,
    DateType: Kind.DATE,
    ArrayType: Kind.LIST,
    BinaryType: Kind.BYTES,
}


@pytest.mark.parametrize(("layer", "schema"), [("bronze", BRONZE), ("silver", SILVER), ("gold", SENSOR_5MIN)])
def test_columns_are_those_of_the_tables(layer: str, schema: StructType) -> None:
    kinds = {field.name: KINDS.get(type(field.dataType), Kind.NUMBER) for field in schema.fields}
    assert dict(COLUMNS[layer]) == kinds
    assert set(IDENTITY[layer]) <= kinds.keys()


@pytest.mark.parametrize("suite", PROVIDED, ids=lambda suite: suite["name"])
def test_what_is_provided_is_right(suite: dict[str, Any]) -> None:
    assert complaints(suite["layer"], suite["expectations"]) == {}


def one(kind: str, **arguments: Any) -> dict[str, list[str]]:
    return complaints(Layer.SILVER, [{"type": kind, "arguments": arguments}])


@pytest.mark.parametrize(
    ("kind", "arguments", "where"),
    [
        (BETWEEN, {"column": "values", "min_value": 0}, "column"),
        (BETWEEN, {"column": "unit", "min_value": 0}, "column"),
        (BETWEEN, {"min_value": 0}, "column"),
        (BETWEEN, {"column": "value"}, "min_value"),
        (BETWEEN, {"column": "value", "min_value": 2, "max_value": 1}, "max_value"),
        (BETWEEN, {"column": "value", "min_value": float("nan")}, "min_value"),
        (BETWEEN, {"column": "value", "min_value": float("inf")}, "min_value"),
        (BETWEEN, {"column": "value", "min_value": 10**400}, "min_value"),
        (BETWEEN, {"column": "value", "min_value": True}, "min_value"),
        (BETWEEN, {"column": "value", "min_value": "0"}, "min_value"),
        (BETWEEN, {"column": "value", "min_value": 0, "mostly": 0}, "mostly"),
        (BETWEEN, {"column": "value", "min_value": 0, "mostly": 1.1}, "mostly"),
        (BETWEEN, {"column": "value", "min_value": 0, "strict_min": "yes"}, "strict_min"),
        (BETWEEN, {"column": "value", "min_value": 0, "row_condition": "1=1"}, "row_condition"),
        ("expect_column_values_to_match_regex", {"column": "unit", "regex": "("}, "regex"),
        ("expect_column_values_to_match_regex", {"column": "unit", "regex": "a" * 501}, "regex"),
        ("expect_column_values_to_match_regex", {"column": "value", "regex": "a"}, "column"),
        ("expect_column_values_to_be_in_set", {"column": "unit", "value_set": []}, "value_set"),
        ("expect_column_values_to_be_in_set", {"column": "unit", "value_set": ["a", 1]}, "value_set"),
        ("expect_column_values_to_be_in_set", {"column": "unit", "value_set": ["a"] * 201}, "value_set"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["unit"]}, "column_list"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["unit", "unit"]}, "column_list"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["unit", "nope"]}, "column_list"),
        ("expect_table_row_count_to_be_between", {"min_value": 1.5}, "min_value"),
        ("expect_table_row_count_to_be_between", {"min_value": -1}, "min_value"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1"}, "type"),
        ("expect_query_results_to_match_comparison", {}, "type"),
    ],
)
def test_an_argument_that_is_not_right_is_named(kind: str, arguments: dict[str, Any], where: str) -> None:
    found = one(kind, **arguments)
    assert list(found) == [f"expectations.0.{where}"]
    assert all(words for words in found[f"expectations.0.{where}"])


@pytest.mark.parametrize(
    "expectations",
    [
        None, [], {}, "x", [{"type": "expect_column_to_exist", "arguments": {"column": "unit"}}] * 500, [None], [{}],
        [{"type": ["x"]}], [{"type": "expect_column_to_exist", "arguments": []}],
        [{"type": "expect_column_to_exist", "arguments": {"column": "unit"}, "severity": "x"}],
    ],
)  # fmt: skip
def test_what_is_no_list_of_expectations_is_refused(expectations: Any) -> None:
    assert complaints(Layer.SILVER, expectations)


def test_a_layer_that_there_is_not_is_refused() -> None:
    assert list(complaints("platinum", [])) == ["layer"]


def test_every_word_can_be_said(subtests: pytest.Subtests) -> None:
    right = {
        "column": "value", "min_value": 1, "max_value": 2, "strict_min": True, "strict_max": False, "mostly": 0.5,
        "value_set": [1, 2], "regex": "^a", "column_list": ["unit", "value"], "column_A": "value",
        "column_B": "offset", "or_equal": True,
    }  # fmt: skip
    for name, shape in VOCABULARY.items():
        told = {argument.name: right[argument.name] for argument in shape.arguments}
        if "column" in told and one(name, **told):
            told["column"] = "unit"
        with subtests.test(name):
            assert one(name, **told) == {}


def test_the_worst_verdict_is_the_verdict_of_all() -> None:
    assert worst([]) == Verdict.EMPTY
    assert worst(["passed", "passed"]) == Verdict.PASSED
    assert worst(["passed", "error", "failed"]) == Verdict.ERROR
