"""The reading's contract, judged in Python as spark_jobs/transforms/parse.py judges it in Spark."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from spark_jobs.contracts import MAX_FUTURE_SECONDS, MAX_PAYLOAD_BYTES, READING_FIELDS, DeadLetterReason

why = DeadLetterReason
NAMES = [field.name for field in READING_FIELDS]
TEXTS = [field.name for field in READING_FIELDS if field.kind != "number"]
LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?", re.ASCII)
# What Spark's cast to a timestamp takes, of that which has an offset: seconds are needed then.
MOMENT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):?(\d{2}))", re.ASCII
)
# Spark reads these texts as numbers, too.
NOT_FINITE_TEXTS = frozenset({"NaN", "+INF", "INF", "-INF", "+Infinity", "Infinity", "-Infinity"})
FARTHEST_OFFSET = 18 * 60  # minutes


def judge(payload: bytes | None, key: bytes | None, at: datetime) -> DeadLetterReason | None:
    """The first reason of the vocabulary that applies to a message that Kafka stamps `at`, or None."""
    if not payload:
        return why.EMPTY
    if len(payload) > MAX_PAYLOAD_BYTES:
        return why.TOO_LARGE
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return why.NOT_UTF8
    # Spark's ltrim takes spaces alone.
    if not text.lstrip(" ").startswith("{"):
        return why.MALFORMED_JSON
    try:
        reading, end = json.JSONDecoder().raw_decode(text.lstrip(" "))
    except (ValueError, RecursionError):
        return why.MALFORMED_JSON
    alone = not text.lstrip(" ")[end:].strip(" \t\r\n")
    return _reading_judged(reading, alone, key, at)


def _reading_judged(reading: dict[str, Any], alone: bool, key: bytes | None, at: datetime) -> DeadLetterReason | None:
    value = _number(reading.get("value"))
    # What Spark reads without complaint it asks for missing fields first, and then for what stands behind it.
    if not alone and value is None and reading.get("value") is not None:
        return why.MALFORMED_JSON
    if any(reading.get(name) is None or reading[name] == "" for name in NAMES):
        return why.MISSING_FIELD
    if not alone:
        return why.MALFORMED_JSON
    if value is None or any(not isinstance(reading[name], str) for name in TEXTS):
        return why.WRONG_TYPE
    if not math.isfinite(value):
        return why.NOT_FINITE
    return _time_judged(reading["timestamp"], at) or _key_judged(reading["sensor_id"], key)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return math.nan if value in NOT_FINITE_TEXTS else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _time_judged(stamp: str, at: datetime) -> DeadLetterReason | None:
    if LOCAL.fullmatch(stamp):
        return why.NO_OFFSET
    moment = moment_of(stamp)
    if moment is None:
        return why.BAD_TIMESTAMP
    return why.FUTURE_TIMESTAMP if moment > at + timedelta(seconds=MAX_FUTURE_SECONDS) else None


def moment_of(stamp: str) -> datetime | None:
    """The moment, in UTC, that an ISO-8601 text with an offset names; None where it names none."""
    found = MOMENT.fullmatch(stamp)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    if abs(offset) > FARTHEST_OFFSET or (minutes and int(minutes) > 59):
        return None
    micros = int((fraction or "0").ljust(6, "0")[:6])
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micros, UTC)
        return local.replace(tzinfo=timezone(timedelta(minutes=offset))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _key_judged(sensor_id: str, key: bytes | None) -> DeadLetterReason | None:
    return None if key is not None and key == sensor_id.encode(errors="replace") else why.WRONG_KEY
