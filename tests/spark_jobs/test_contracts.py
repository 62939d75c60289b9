from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest

from spark_jobs.contracts import (
    BatchCommitted,
    ContinuousArguments,
    Entry,
    SensorTypeSpec,
    parse_message,
    reading_json_schema,
    sequence,
)
from spark_jobs.schemas import WIRE

ARGUMENTS = ContinuousArguments(
    pipeline="plant",
    version=2,
    generation=1,
    run_tag="tag",
    fencing_token=3,
    bootstrap_servers="127.0.0.1:1",
    topic="t",
    telemetry_topic="m",
    lake="/lake",
    checkpoint="/checkpoint",
    jars=("a.jar",),
    sensor_types=(SensorTypeSpec("temperature", "celsius", -20, 60, -40, 85, 10),),
)


def test_arguments_survive_their_file() -> None:
    assert ContinuousArguments.from_json(ARGUMENTS.to_json()) == ARGUMENTS


@pytest.mark.parametrize("change", [{"shell": "; touch x"}, {"topic": None}])
def test_arguments_that_are_unknown_or_missing_are_named(change: dict[str, str | None]) -> None:
    raw = json.loads(ARGUMENTS.to_json())
    for name, value in change.items():
        raw.pop(name, None)
        if value is not None:
            raw[name] = value
    with pytest.raises(ValueError, match=next(iter(change))):
        ContinuousArguments.from_json(json.dumps(raw))


def test_a_message_survives_the_wire() -> None:
    message = BatchCommitted(pipeline="plant", at=1.5, query="ingest", batch=4, entries=(Entry(3600, "kafka", 7),))
    parsed = parse_message(message.to_json())
    assert parsed == message


@pytest.mark.parametrize("payload", [b"[]", b"{}", b'{"kind": "unknown"}', b"\xff", b'{"kind": "sensor_seen"}'])
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):
        parse_message(payload)


def test_the_json_schema_and_the_spark_schema_have_the_same_fields(reading: Callable[..., bytes]) -> None:
    schema = reading_json_schema()
    assert [*schema["properties"]] == [name for name in WIRE.fieldNames() if not name.startswith("_")]
    jsonschema.validate(json.loads(reading()), schema)
    for broken in (reading(value="21"), reading(unit=None), reading(sensor_id=7)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(broken), schema)


def test_a_later_generation_comes_after_every_batch_of_an_earlier_one() -> None:
    assert sequence(2, 0) > sequence(1, 10**9) > sequence(1, 0)
