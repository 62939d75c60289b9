"""Reads recorded readings from CSV, one row at a time, so that the file may be larger than memory.

The header names the fields of the reading's contract, in any order. A row that is not a reading stops the replay.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spark_jobs.contracts import READING_FIELDS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
COLUMNS = tuple(field.name for field in READING_FIELDS)


class RowError(Exception):
    """A row that is no reading; the message names file, line and column."""


@dataclass(frozen=True)
class Row:
    """One recorded reading; `time` in microseconds since the epoch."""

    sensor_id: str
    sensor_type: str
    time: int
    value: float
    unit: str
    location: str

    def payload(self, time: int) -> bytes:
        """The reading on the wire, measured at `time`."""
        reading = {
            "sensor_id": self.sensor_id,
            "sensor_type": self.sensor_type,
            "timestamp": (EPOCH + time * MICROSECOND).isoformat(),
            "value": self.value,
            "unit": self.unit,
            "location": self.location,
        }
        return json.dumps(reading, separators=(",", ":"), ensure_ascii=False).encode()


def rows(path: Path) -> Iterator[Row]:
    """The rows of the file in order. Raises RowError at the first that is no reading, and OSError without a file."""
    # Bytes that are not UTF-8 become surrogates, so that the column they stand in can be named.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file, strict=True)
        header = _next_line(path, lines)
        if header is None:
            raise RowError(f"{path}: the file is empty, it must start with the columns {','.join(COLUMNS)}")
        if sorted(header) != sorted(COLUMNS):
            raise RowError(f"{path}: line 1: the columns are {','.join(header)}, they must be {','.join(COLUMNS)}")
        while (cells := _next_line(path, lines)) is not None:
            if not cells:
                continue  # a blank line
            if len(cells) != len(header):
                raise RowError(f"{path}: line {lines.line_num}: {len(cells)} columns, the header has {len(header)}")
            yield _row(f"{path}: line {lines.line_num}", dict(zip(header, cells, strict=True)))


def _next_line(path: Path, lines: Iterator[list[str]]) -> list[str] | None:
    try:
        return next(lines, None)
    except csv.Error as error:
        raise RowError(f"{path}: line {getattr(lines, 'line_num', 0)}: {error}") from error


def _row(where: str, cells: dict[str, str]) -> Row:
    for column, text in cells.items():
        if not text:
            raise RowError(f"{where}, column {column}: empty")
        if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
            raise RowError(f"{where}, column {column}: not UTF-8")
    return Row(
        sensor_id=cells["sensor_id"],
        sensor_type=cells["sensor_type"],
        time=_time(where, cells["timestamp"]),
        value=_value(where, cells["value"]),
        unit=cells["unit"],
        location=cells["location"],
    )


def _value(where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RowError(f"{where}, column value: {text!r} is not a finite number")
    return value


def _time(where: str, text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise RowError(f"{where}, column timestamp: {text!r} is not an ISO-8601 time") from None
    if time.tzinfo is None:
        raise RowError(f"{where}, column timestamp: {text!r} has no offset from UTC")
    return (time - EPOCH) // MICROSECOND
