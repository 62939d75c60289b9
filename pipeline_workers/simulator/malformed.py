"""Readings that ingest must refuse: each reason of the contract, in the shapes in which it really occurs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from spark_jobs.contracts import MAX_PAYLOAD_BYTES, DeadLetterReason

Reading = dict[str, object]
Spoiler = Callable[[Reading], "bytes | None"]

DAYS_AHEAD = 3
NESTING = 2000  # JSON parsers of the JVM stop at 1000


def _dump(reading: Reading) -> bytes:
    return json.dumps(reading, separators=(",", ":"), ensure_ascii=False).encode()


def _with(**changes: object) -> Spoiler:
    return lambda reading: _dump({**reading, **changes})


def _without(field: str) -> Spoiler:
    return lambda reading: _dump({name: value for name, value in reading.items() if name != field})


def _with_raw_value(raw: bytes) -> Spoiler:
    return lambda reading: _dump({**reading, "value": 0}).replace(b'"value":0', b'"value":' + raw)


def _time(reading: Reading) -> datetime:
    return datetime.fromisoformat(str(reading["timestamp"]))


# The reasons in turn, and within each reason its shapes in turn. A spoiled reading is wrong in this one way only.
SPOILERS: dict[DeadLetterReason, tuple[Spoiler, ...]] = {
    DeadLetterReason.EMPTY: (lambda _: None, lambda _: b""),
    DeadLetterReason.TOO_LARGE: (_with(note="x" * MAX_PAYLOAD_BYTES),),
    DeadLetterReason.NOT_UTF8: (lambda reading: _dump(reading).replace(b'"location":"', b'"location":"\xff\xfe'),),
    DeadLetterReason.MALFORMED_JSON: (
        lambda reading: _dump(reading)[:-10],
        lambda reading: b"[" + _dump(reading) + b"]",
        lambda reading: _dump({**reading, "note": 0}).replace(
            b'"note":0', b'"note":' + b"[" * NESTING + b"]" * NESTING
        ),
        lambda _: b"sensor offline",
    ),
    DeadLetterReason.MISSING_FIELD: (_without("value"), _with(unit=None), _with(location="")),
    DeadLetterReason.WRONG_TYPE: (
        lambda reading: _dump({**reading, "value": str(reading["value"])}),
        _with(unit=7),
        _with(value=True),
    ),
    DeadLetterReason.NOT_FINITE: (_with_raw_value(b"NaN"), _with_raw_value(b"1e999"), _with_raw_value(b"-Infinity")),
    DeadLetterReason.NO_OFFSET: (
        lambda reading: _dump({**reading, "timestamp": _time(reading).replace(tzinfo=None).isoformat()}),
    ),
    DeadLetterReason.BAD_TIMESTAMP: (
        _with(timestamp="yesterday at noon"),
        lambda reading: _dump({**reading, "timestamp": _time(reading).strftime("%d/%m/%Y %H:%M:%S")}),
    ),
    DeadLetterReason.FUTURE_TIMESTAMP: (
        lambda reading: _dump({**reading, "timestamp": (_time(reading) + timedelta(days=DAYS_AHEAD)).isoformat()}),
    ),
    DeadLetterReason.WRONG_KEY: (_dump,),
}

WRONG_KEY = "no-such-sensor"
SMALL_KINDS = tuple(reason for reason in DeadLetterReason if reason is not DeadLetterReason.TOO_LARGE)


class Spoiling:
    """Goes through the reasons in turn, and through each reason's shapes."""

    def __init__(self, reasons: tuple[DeadLetterReason, ...] = SMALL_KINDS) -> None:
        self._reasons = reasons
        self._turn = 0

    def spoil(self, reading: Reading) -> tuple[DeadLetterReason, str, bytes | None]:
        """The reason that ingest must give, the Kafka key and the payload. The key stays right but for wrong_key."""
        round_, place = divmod(self._turn, len(self._reasons))
        self._turn += 1
        reason = self._reasons[place]
        shapes = SPOILERS[reason]
        key = WRONG_KEY if reason is DeadLetterReason.WRONG_KEY else str(reading["sensor_id"])
        return reason, key, shapes[round_ % len(shapes)](reading)
