"""The judge in Python says of each message what Spark says."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from controlplane.deadletters.judging import judge
from spark_jobs.contracts import MAX_PAYLOAD_BYTES, DeadLetterReason
from spark_jobs.schemas import HEADERS
from spark_jobs.transforms.parse import with_disposition
from tests.spark_jobs.conftest import START

pytestmark = pytest.mark.integration
SCHEMA = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"
AT = START + timedelta(seconds=60)
MADE = 1_500
VALUES: list[Any] = [
    None, "", "t-1", "t-2", 5, 0, -7.25, True, False, [], [1], {}, {"a": "b"}, "21.5", "12", "NaN", "Infinity", "true",
    1e308, 10**30, "x" * 50, "ü", " ", "}", "[",
]  # fmt: skip
TIMES: list[Any] = [
    "2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00", "2026-03-01 12:00:00+0100", "2026-03-01T12:00Z",
    "2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00,5Z", "2026-03-01t12:00:00Z", "2026-03-01T12:00:00z",
    "2026-03-01T12:00:00", "2026-03-01 12:00", "2026-02-30T12:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z",
    "2026-03-01T12:00:60Z", "2026-03-01T12:00:00+18:00", "2026-03-01T12:00:00+18:01", "2026-03-01T12:00:00+05:60",
    "2026-03-01T12:06:00Z", "2026-03-01T12:06:01Z", "2026-3-1T12:00:00Z", "yesterday", "2026-03-01", 1772366400,
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-02-29T00:00:00-00:30", "2026-03-01T12:00:00.5-11:30",
]  # fmt: skip


def by_spark(spark: SparkSession, messages: list[tuple[bytes | None, bytes | None]]) -> list[str | None]:
    rows = [(key, payload, "t", 0, at, AT) for at, (key, payload) in enumerate(messages)]
    records = spark.createDataFrame(rows, SCHEMA).selectExpr("*", f"cast(null as {HEADERS.simpleString()}) as headers")
    return [row["reason"] for row in with_disposition(records).orderBy("offset").select("reason").collect()]


def made(reading: Callable[..., bytes]) -> list[tuple[bytes | None, bytes | None]]:
    """Readings of which some fields, bytes or the key are spoilt; the same ones in every run."""
    chance = random.Random(20260301)
    messages: list[tuple[bytes | None, bytes | None]] = [(b"t-1", payload) for payload in (None, b"", b"{}", b" {} ")]
    messages += [(b"t-1", reading(timestamp=stamp)) for stamp in TIMES]
    messages += [(b"t-1", reading(**{name: value})) for name in json.loads(reading()) for value in VALUES]
    messages.append((b"t-1", reading(note="x" * MAX_PAYLOAD_BYTES)))
    for _ in range(MADE):
        fields = json.loads(reading())
        for name in chance.sample(sorted(fields), chance.choice([0, 0, 1, 2])):
            fields[name] = chance.choice(TIMES if name == "timestamp" else VALUES)
        for name in chance.sample(sorted(fields), chance.choice([0, 0, 0, 1])):
            del fields[name]
        payload = json.dumps(fields, ensure_ascii=chance.random() < 0.5).encode()
        if chance.random() < 0.3:
            at = chance.randrange(len(payload) + 1)
            payload = payload[:at] + chance.choice([b"\xff", b'"', b"}", b"{", b",", b"x", b""]) + payload[at:]
        if chance.random() < 0.2:
            payload += chance.choice([b"\n", b" ", b"}", b" x", b"{}", b",1"])
        if chance.random() < 0.1:
            payload = chance.choice([b" ", b"\n", b"\xef\xbb\xbf", b"["]) + payload
        messages.append((chance.choice([b"t-1", b"t-1", b"t-1", b"t-2", None]), payload))
    return messages


def test_both_judges_agree(spark: SparkSession, reading: Callable[..., bytes]) -> None:
    messages = made(reading)
    spark_says = by_spark(spark, messages)
    python_says = [judge(payload, key, AT) for key, payload in messages]
    apart = [
        (message, one, other)
        for message, one, other in zip(messages, spark_says, python_says, strict=True)
        if one != other
    ]
    assert apart == []
    assert set(spark_says) == {None, *(str(reason) for reason in DeadLetterReason)}
