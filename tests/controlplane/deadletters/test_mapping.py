from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.core.errors import Invalid
from controlplane.deadletters.mapping import mapping_checked, mended
from controlplane.deadletters.units import UNITS, converted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
READING = {
    "sensor_id": "t-1", "sensor_type": "temperature", "timestamp": "2026-03-01T11:59:00+00:00", "value": 21.5,
    "unit": "celsius", "location": "floor-1",
}  # fmt: skip


def mend(fields: dict[str, Any], *operations: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    made = mended(json.dumps(fields).encode(), b"k", mapping_checked(list(operations)), NOW)
    return json.loads(made.payload or b"{}"), made.reason, made.problem


@pytest.mark.parametrize(
    ("change", "operation", "field", "value"),
    [
        ({"unit": None, "u": "celsius"}, {"op": "rename", "from": "u", "to": "unit"}, "unit", "celsius"),
        ({"value": "21.5"}, {"op": "cast", "field": "value", "to": "number"}, "value", 21.5),
        ({"location": 7}, {"op": "cast", "field": "location", "to": "string"}, "location", "7"),
        ({"location": ""}, {"op": "default", "field": "location", "value": "floor-2"}, "location", "floor-2"),
        (
            {"value": 212, "unit": "Fahrenheit"},
            {"op": "convert", "from": "fahrenheit", "to": "celsius"},
            "value",
            100.0,
        ),
        (
            {"timestamp": "01.03.2026 12:30"},
            {"op": "time_format", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "timestamp",
            "2026-03-01T12:30:00+01:00",
        ),
        (
            {"timestamp": 1772366400},
            {"op": "time_format", "format": "epoch_seconds"},
            "timestamp",
            "2026-03-01T12:00:00+00:00",
        ),
    ],
)
def test_each_operation_makes_a_reading_pass(change: dict, operation: dict, field: str, value: Any) -> None:
    fields, reason, problem = mend(READING | change, operation)
    assert (fields[field], reason, problem) == (value, "", "")


@pytest.mark.parametrize(
    ("change", "operation", "words"),
    [
        ({"u": "x"}, {"op": "rename", "from": "u", "to": "unit"}, "both u and unit"),
        ({"value": "warm"}, {"op": "cast", "field": "value", "to": "number"}, "no finite number: 'warm'"),
        ({"value": [1]}, {"op": "cast", "field": "value", "to": "number"}, "neither a text nor a number"),
        ({"value": "1", "unit": "psi"}, {"op": "convert", "from": "psi", "to": "hpa"}, "needs a cast first"),
        ({"timestamp": "x"}, {"op": "time_format", "format": "%d.%m.%Y"}, "not of the format"),
        (
            {"timestamp": "29.03.2026 02:30"},
            {"op": "time_format", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "skipped",
        ),
        ({"timestamp": 1e300}, {"op": "time_format", "format": "epoch_seconds"}, "names no moment"),
    ],
)
def test_what_cannot_be_done_says_so_and_leaves_the_payload(change: dict, operation: dict, words: str) -> None:
    fields, reason, problem = mend(READING | change, operation)
    assert words in problem
    assert (fields, reason) == (READING | change, "")


def test_a_mapping_that_leaves_nothing_of_a_reading_is_a_problem() -> None:
    away = [{"op": "rename", "from": name, "to": f"old_{name}"} for name in READING]
    fields, _, problem = mend(READING, *away)
    assert (problem, fields) == ("the mapping leaves no field of a reading", READING)


def test_what_is_no_json_object_needs_no_mapping_and_takes_none() -> None:
    operation = mapping_checked([{"op": "default", "field": "unit", "value": "x"}])
    assert "no JSON object" in mended(b"[1]", None, operation, NOW).problem
    assert mended(b"[1]", None, [], NOW).reason == "malformed_json"


def test_the_key_of_what_is_sent_is_its_sensor() -> None:
    assert mended(json.dumps(READING).encode(), b"other", [], NOW).key == b"t-1"


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("rename", "op is needed"), ({}, "op is needed"), ({"op": "drop"}, "op is needed"),
        ({"op": []}, "op is needed"),
        ({"op": "rename", "from": "a"}, "needs to"), ({"op": "rename", "from": "a", "to": "a"}, "the same"),
        ({"op": "rename", "from": "a", "to": "b", "c": 1}, "does not know c"),
        ({"op": "rename", "from": "a", "to": 7}, "to must be a text"),
        ({"op": "rename", "from": "a", "to": "\0"}, "200 characters"),
        ({"op": "rename", "from": "a", "to": "\ud800"}, "200 characters"),
        ({"op": "cast", "field": "a", "to": "list"}, "number, string"),
        ({"op": "default", "field": "a", "value": {}}, "value must be"),
        ({"op": "default", "field": "a", "value": float("nan")}, "finite"),
        ({"op": "convert", "from": "celsius", "to": "parsec"}, "no known unit"),
        ({"op": "convert", "from": "celsius", "to": "bar"}, "do not measure the same"),
        ({"op": "time_format", "format": "%Y", "zone": "Mars/Olympus"}, "no known time zone"),
        ({"op": "time_format", "format": "%Y", "zone": "../../etc/passwd"}, "no known time zone"),
        ({"op": "time_format", "format": "%Q"}, "strptime"), ({"op": "time_format", "format": "noon"}, "no part"),
    ],
)  # fmt: skip
def test_a_mapping_that_makes_no_sense_is_refused_where_it_does_not(operation: Any, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        mapping_checked([{"op": "default", "field": "a", "value": 1}, operation])
    assert list(refused.value.errors) == ["mapping.1"]
    assert words in refused.value.errors["mapping.1"][0]


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.floats(-1e6, 1e6))
def test_a_conversion_there_and_back_gives_what_it_began_with(one: str, other: str, value: float) -> None:
    if UNITS[one][0] == UNITS[other][0]:
        assert converted(converted(value, one, other), other, one) == pytest.approx(value, rel=1e-9, abs=1e-4)


VALUES = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.integers(), max_size=2)
NAMES = st.sampled_from([*READING, "other"])
ANY = st.one_of(
    st.fixed_dictionaries({"op": st.just("rename"), "from": NAMES, "to": NAMES}),
    st.fixed_dictionaries({"op": st.just("cast"), "field": NAMES, "to": st.sampled_from(["number", "string"])}),
    st.fixed_dictionaries({"op": st.just("default"), "field": NAMES, "value": st.integers() | st.text()}),
    st.fixed_dictionaries({"op": st.just("convert"), "from": st.just("psi"), "to": st.just("bar"), "field": NAMES}),
    st.fixed_dictionaries(
        {"op": st.just("time_format"), "field": NAMES, "format": st.sampled_from(["%d %B", "%Y-%z"])}
    ),
)


@given(st.dictionaries(NAMES, VALUES), st.lists(ANY, max_size=6))
def test_whatever_is_mapped_is_either_mended_or_says_why_not(fields: dict[str, Any], operations: list[Any]) -> None:
    try:
        mapping = mapping_checked(operations)
    except Invalid:
        return
    payload = json.dumps(fields).encode()
    made = mended(payload, b"k", mapping, NOW)
    assert made.passes or made.reason or made.problem
    assert not made.problem or made.payload == payload


@given(st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nothing_but_a_list_of_operations_is_a_mapping(raw: Any) -> None:
    if raw == []:
        return
    with pytest.raises(Invalid) as refused:
        mapping_checked(raw)
    assert all(name.startswith("mapping") for name in refused.value.errors)
