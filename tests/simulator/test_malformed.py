"""Each spoiled reading is wrong in the one way that its reason says."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

import jsonschema
import pytest

from pipeline_workers.simulator.malformed import NESTING, SMALL_KINDS, SPOILERS, Spoiling
from spark_jobs.contracts import MAX_FUTURE_SECONDS, MAX_PAYLOAD_BYTES, DeadLetterReason, reading_json_schema

READING: dict[str, object] = {
    "sensor_id": "temperature-0001",
    "sensor_type": "temperature",
    "timestamp": "2026-09-21T14:13:20.000018+00:00",
    "value": 21.5,
    "unit": "celsius",
    "location": "floor-1-zone-A",
}


def verdict(key: str, payload: bytes | None) -> DeadLetterReason | None:
    """The contract's judgement, written a second time and without Spark: docs/contract.md, from top to bottom."""
    if not payload:
        return DeadLetterReason.EMPTY
    if len(payload) > MAX_PAYLOAD_BYTES:
        return DeadLetterReason.TOO_LARGE
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return DeadLetterReason.NOT_UTF8
    if b"[" * NESTING in payload:
        return DeadLetterReason.MALFORMED_JSON
    try:
        reading = json.loads(text)
    except ValueError:
        return DeadLetterReason.MALFORMED_JSON
    if not isinstance(reading, dict):
        return DeadLetterReason.MALFORMED_JSON
    if any(reading.get(name) in (None, "") for name in READING):
        return DeadLetterReason.MISSING_FIELD
    if errors := list(jsonschema.Draft202012Validator(reading_json_schema()).iter_errors(reading)):
        assert all(error.validator == "type" for error in errors)
        return DeadLetterReason.WRONG_TYPE
    if not math.isfinite(reading["value"]):
        return DeadLetterReason.NOT_FINITE
    try:
        time = datetime.fromisoformat(reading["timestamp"])
    except ValueError:
        return DeadLetterReason.BAD_TIMESTAMP
    if time.tzinfo is None:
        return DeadLetterReason.NO_OFFSET
    if time - datetime.fromisoformat(str(READING["timestamp"])) > timedelta(seconds=MAX_FUTURE_SECONDS):
        return DeadLetterReason.FUTURE_TIMESTAMP
    return None if key == reading["sensor_id"] else DeadLetterReason.WRONG_KEY


def test_every_reason_of_the_contract_can_be_made() -> None:
    assert set(SPOILERS) == set(DeadLetterReason)
    assert set(SMALL_KINDS) == set(DeadLetterReason) - {DeadLetterReason.TOO_LARGE}


def test_the_untouched_reading_is_accepted() -> None:
    assert verdict("temperature-0001", json.dumps(READING).encode()) is None


@pytest.mark.parametrize("reason", list(DeadLetterReason))
def test_each_shape_is_refused_for_its_reason_and_keeps_the_right_key(reason: DeadLetterReason) -> None:
    spoiling = Spoiling((reason,))
    shapes = set()
    for _ in range(2 * len(SPOILERS[reason])):
        told, key, payload = spoiling.spoil(dict(READING))
        assert told is reason
        assert verdict(key, payload) is reason
        assert (key == READING["sensor_id"]) is (reason is not DeadLetterReason.WRONG_KEY)
        shapes.add(payload)
    assert len(shapes) == len(SPOILERS[reason])


def test_the_reasons_come_in_turn() -> None:
    spoiling = Spoiling()
    told = [spoiling.spoil(dict(READING))[0] for _ in range(2 * len(SMALL_KINDS))]
    assert told == [*SMALL_KINDS, *SMALL_KINDS]
