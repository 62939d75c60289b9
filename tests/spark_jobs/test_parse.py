from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from pyspark.sql import SparkSession

from spark_jobs.contracts import MAX_PAYLOAD_BYTES, DeadLetterReason
from spark_jobs.schemas import HEADERS
from spark_jobs.transforms.parse import with_disposition
from tests.spark_jobs.conftest import START

pytestmark = pytest.mark.integration
why = DeadLetterReason
SCHEMA = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"


def judge(spark: SparkSession, payloads: list[bytes | None], key: bytes | None = b"t-1") -> list[str | None]:
    rows = [(key, payload, "t", 0, at, START + timedelta(seconds=60)) for at, payload in enumerate(payloads)]
    records = spark.createDataFrame(rows, SCHEMA).selectExpr("*", f"cast(null as {HEADERS.simpleString()}) as headers")
    judged = (
        with_disposition(records).orderBy("offset").select("reason", "disposition", "payload", "sensor_id").collect()
    )
    for row, payload in zip(judged, payloads, strict=True):
        accepted = row["reason"] is None
        assert row["disposition"] == ("accepted" if accepted else "dead_letter")
        assert row["payload"] == (None if accepted else payload)
        assert (row["sensor_id"] is not None) == accepted
    return [row["reason"] for row in judged]


def test_each_kind_of_bad_record_has_its_own_reason(spark: SparkSession, reading: Callable[..., bytes]) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    cases: list[tuple[bytes | None, str]] = [
        (None, why.EMPTY),
        (b"", why.EMPTY),
        (reading(note="x" * MAX_PAYLOAD_BYTES), why.TOO_LARGE),
        (reading().replace(b"celsius", b"\xff\xfe"), why.NOT_UTF8),
        (b"not json", why.MALFORMED_JSON),
        (reading()[:-1], why.MALFORMED_JSON),
        (b"   ", why.MALFORMED_JSON),
        (b"[" + reading() + b"]", why.MALFORMED_JSON),
        (b'"text"', why.MALFORMED_JSON),
        (reading() + b" trailing", why.MALFORMED_JSON),
        (reading() + reading(), why.MALFORMED_JSON),
        (deep, why.MALFORMED_JSON),
        (b"[" * 100_000, why.MALFORMED_JSON),
        (b"{}", why.MISSING_FIELD),
        (reading(sensor_id=None), why.MISSING_FIELD),
        (reading(value=None), why.MISSING_FIELD),
        (reading().replace(b"21.5", b"null"), why.MISSING_FIELD),
        (reading(location=""), why.MISSING_FIELD),
        (reading(sensor_id=5), why.WRONG_TYPE),
        (reading(unit=True), why.WRONG_TYPE),
        (reading(location={"floor": 1}), why.WRONG_TYPE),
        (reading(timestamp=1772366400), why.WRONG_TYPE),
        (reading(value="21.5"), why.WRONG_TYPE),
        (reading(value=[1]), why.WRONG_TYPE),
        (reading(value=float("nan")), why.NOT_FINITE),
        (reading(value=float("inf")), why.NOT_FINITE),
        (reading(value=float("-inf")), why.NOT_FINITE),
        (reading().replace(b"21.5", b"1e999"), why.NOT_FINITE),
        (reading(timestamp="2026-03-01T12:00:00"), why.NO_OFFSET),
        (reading(timestamp="2026-03-01 12:00"), why.NO_OFFSET),
        (reading(timestamp="yesterday"), why.BAD_TIMESTAMP),
        (reading(timestamp="2026-13-01T12:00:00Z"), why.BAD_TIMESTAMP),
        (reading(timestamp=(START + timedelta(minutes=7)).isoformat()), why.FUTURE_TIMESTAMP),
        (reading(timestamp=(START + timedelta(days=9)).isoformat()), why.FUTURE_TIMESTAMP),
        (reading(sensor_id="t-2"), why.WRONG_KEY),
    ]
    found = judge(spark, [payload for payload, _ in cases])
    wanted = [str(reason) for _, reason in cases]
    assert list(zip([(p or b"")[:120] for p, _ in cases], found, strict=True)) == list(
        zip([(p or b"")[:120] for p, _ in cases], wanted, strict=True)
    )


def test_what_the_contract_allows_is_accepted(spark: SparkSession, reading: Callable[..., bytes]) -> None:
    spaced = json.dumps(json.loads(reading()), indent=2).encode()
    payloads = [
        reading(),
        spaced + b"\n",
        reading(extra={"nested": [1, {"deep": True}]}, sensor_note="12"),
        reading(unit="12", location="-3"),  # strings that look like numbers
        reading(location='quoted "place" }'),
        reading(value=9999.0),  # beyond every physical range: flagged in Silver, not refused
        reading(value=-7),
        reading(timestamp="2026-03-01T12:00:00Z"),
        reading(timestamp="2026-03-01T17:30:00.123456+05:30"),
        reading(timestamp=(START + timedelta(minutes=5)).isoformat()),
        reading(timestamp="2013-07-04T00:00:00+00:00"),
    ]
    assert judge(spark, list(payloads)) == [None] * len(payloads)


def test_a_record_without_key_is_refused(spark: SparkSession, reading: Callable[..., bytes]) -> None:
    assert judge(spark, [reading()], key=None) == [why.WRONG_KEY]
