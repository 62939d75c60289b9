from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.deadletters.shapes import LONGEST, shape_of

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=30),
)


@pytest.mark.parametrize(
    ("payload", "shape"),
    [
        (None, "empty"), (b"", "empty"), (b"\xff", "not UTF-8"), (b"{", "not JSON"), (b"[1]", "a JSON list"),
        (b'"t"', "a JSON text"), (b"null", "a JSON null"), (b"{}", "no fields"),
        (b"[" * 200_000, "nested too deeply"), (b'{"b": 1, "a": "x"}', "a text, b number"),
        (b'{"a": {"b": 1}, "c": [], "d": null, "e": true}', "a object, c list, d null, e truth"),
    ],
)  # fmt: skip
def test_each_kind_of_payload_has_its_shape(payload: bytes | None, shape: str) -> None:
    assert shape_of(payload) == shape


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_shape_is_one_line_of_bounded_length_that_any_column_holds(payload: bytes) -> None:
    shape = shape_of(payload)
    assert 0 < len(shape) <= LONGEST
    assert shape.isprintable()
    assert shape.encode()


@given(st.dictionaries(st.text(max_size=5), st.integers(), min_size=1))
def test_values_and_the_order_of_fields_make_no_difference(fields: dict[str, int]) -> None:
    other = {name: fields[name] + 1 for name in reversed(fields)}
    assert shape_of(json.dumps(fields).encode()) == shape_of(json.dumps(other).encode())
