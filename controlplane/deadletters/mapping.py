"""How dead letters are mended: a declared list of operations on the fields of a JSON object. Pure, and never guessing.

Each operation is an object with `op` and the names below; docs/dead-letters.md has examples.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from controlplane.core.errors import Invalid
from controlplane.deadletters import units
from controlplane.deadletters.judging import NAMES, judge

MOST_OPERATIONS = 50
LONGEST_TEXT = 200
EPOCHS = {"epoch_seconds": 1, "epoch_milliseconds": 1000}
KINDS = ("number", "string")
# Of each operation the names that it must have, and those that it may have with what stands for them.
OPERATIONS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "rename": (("from", "to"), {}),
    "cast": (("field", "to"), {}),
    "default": (("field", "value"), {}),
    "convert": (("from", "to"), {"field": "value", "unit_field": "unit"}),
    "time_format": (("format",), {"field": "timestamp", "zone": "UTC"}),
}
Operation = dict[str, Any]
Fields = dict[str, Any]


class Unmendable(Exception):
    """An operation cannot be done on a letter; the message says which and why."""


@dataclass(frozen=True)
class Mended:
    """What would be sent: `reason` is why the contract would refuse it, `problem` why the mapping could not be done."""

    payload: bytes | None
    key: bytes | None
    reason: str = ""
    problem: str = ""

    @property
    def passes(self) -> bool:
        return not (self.reason or self.problem)


# Declared ---------------------------------------------------------------------------------------------------------


def mapping_checked(raw: Any) -> list[Operation]:
    """The operations with all their names. Raises Invalid with a sentence for each that makes no sense."""
    if not isinstance(raw, list) or len(raw) > MOST_OPERATIONS:
        raise _invalid({"mapping": [f"a list of {MOST_OPERATIONS} operations at most is needed"]})
    errors: dict[str, list[str]] = {}
    checked = []
    for at, item in enumerate(raw):
        operation, complaint = _operation(item)
        if complaint:
            errors[f"mapping.{at}"] = [complaint]
        checked.append(operation)
    if errors:
        raise _invalid(errors)
    return checked


def _invalid(errors: dict[str, list[str]]) -> Invalid:
    return Invalid("the mapping makes no sense", errors)


def _operation(item: Any) -> tuple[Operation, str]:
    if not isinstance(item, dict) or not isinstance(item.get("op"), str) or item["op"] not in OPERATIONS:
        return {}, f"an object with op is needed, one of {', '.join(OPERATIONS)}"
    needed, optional = OPERATIONS[item["op"]]
    if missing := [name for name in needed if name not in item]:
        return {}, f"{item['op']} needs {', '.join(missing)}"
    if unknown := sorted(str(name)[:50] for name in set(item) - {"op", *needed, *optional}):
        return {}, f"{item['op']} does not know {', '.join(unknown)}"
    made = {**optional, **item}
    for name, value in made.items():
        if name == "value":
            if isinstance(value, dict | list) or value is None:
                return {}, "value must be a text, a number or a truth value"
            if isinstance(value, float) and not math.isfinite(value):
                return {}, "value must be finite"
        elif not isinstance(value, str) or not value:
            return {}, f"{name} must be a text that is not empty"
        if isinstance(value, str) and (len(value) > LONGEST_TEXT or "\0" in value or not _encodable(value)):
            return {}, f"{name} must be a text of {LONGEST_TEXT} characters at most"
    return made, CHECKS[item["op"]](made)


def _encodable(text: str) -> bool:
    return text.encode(errors="replace").decode() == text


def _rename_check(told: Operation) -> str:
    return "from and to are the same" if told["from"] == told["to"] else ""


def _cast_check(told: Operation) -> str:
    return "" if told["to"] in KINDS else f"to must be one of {', '.join(KINDS)}"


def _convert_check(told: Operation) -> str:
    for name in ("from", "to"):
        if not units.known(told[name]):
            return f"{name} is no known unit; known are {', '.join(units.UNITS)}"
    if not units.same_kind(told["from"], told["to"]):
        return f"{told['from']} and {told['to']} do not measure the same"
    return ""


def _time_check(told: Operation) -> str:
    try:
        ZoneInfo(told["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "zone is no known time zone, such as Europe/Berlin"
    if told["format"] in EPOCHS:
        return ""
    try:
        example = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).strftime(told["format"])
        datetime.strptime(example, told["format"])  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return f"format is none of strptime, {', '.join(EPOCHS)}"
    return "" if "%" in told["format"] else "format names no part of a time"


CHECKS: dict[str, Callable[[Operation], str]] = {
    "rename": _rename_check,
    "cast": _cast_check,
    "default": lambda told: "",
    "convert": _convert_check,
    "time_format": _time_check,
}


# Applied ----------------------------------------------------------------------------------------------------------


def mended(payload: bytes | None, key: bytes | None, mapping: list[Operation], at: datetime) -> Mended:
    """A letter as it would be sent at that time, keyed by its sensor, and what the contract would say of it."""
    try:
        fields = _parsed(payload)
        if mapping:
            if fields is None:
                return Mended(payload, key, problem="the payload is no JSON object, which a mapping needs")
            fields = _applied(fields, mapping)
            payload = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    except Unmendable as error:
        return Mended(payload, key, problem=str(error))
    except UnicodeEncodeError:
        return Mended(payload, key, problem="a text of it holds half a surrogate pair, which no message can")
    sensor = fields.get("sensor_id") if fields else None
    if isinstance(sensor, str) and sensor:
        key = sensor.encode(errors="replace")
    return Mended(payload, key, reason=str(judge(payload, key, at) or ""))


def _parsed(payload: bytes | None) -> Fields | None:
    try:
        parsed = json.loads((payload or b"").decode())
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _applied(fields: Fields, mapping: list[Operation]) -> Fields:
    made = dict(fields)
    for at, told in enumerate(mapping, start=1):
        try:
            APPLY[told["op"]](made, told)
        except Unmendable as error:
            raise Unmendable(f"operation {at}, {told['op']}: {error}") from error
    if all(made.get(name) is None for name in NAMES):
        raise Unmendable("the mapping leaves no field of a reading")
    return made


def _rename(fields: Fields, told: Operation) -> None:
    if told["from"] not in fields:
        return
    if fields.get(told["to"]) is not None:
        raise Unmendable(f"there are both {told['from']} and {told['to']}")
    fields[told["to"]] = fields.pop(told["from"])


def _cast(fields: Fields, told: Operation) -> None:
    name = told["field"]
    value = fields.get(name)
    if value is None:
        return
    if isinstance(value, dict | list | bool):
        raise Unmendable(f"{name} is neither a text nor a number")
    if told["to"] == "string":
        fields[name] = value if isinstance(value, str) else json.dumps(value)
    elif isinstance(value, str):
        fields[name] = _number(name, value)


def _number(name: str, text: str) -> int | float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in text:
        raise Unmendable(f"{name} is no finite number: {text[:50]!r}")
    return number


def _default(fields: Fields, told: Operation) -> None:
    if fields.get(told["field"]) in (None, ""):
        fields[told["field"]] = told["value"]


def _convert(fields: Fields, told: Operation) -> None:
    """Only of what is in the unit that is named: done twice, it changes nothing."""
    unit = fields.get(told["unit_field"])
    if not isinstance(unit, str) or unit.lower() != told["from"].lower():
        return
    value = fields.get(told["field"])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unmendable(f"{told['field']} is no number, and needs a cast first")
    try:
        fields[told["field"]] = units.converted(float(value), told["from"], told["to"])
    except OverflowError as error:
        raise Unmendable(f"{told['field']} is too large") from error
    fields[told["unit_field"]] = told["to"]


def _time_format(fields: Fields, told: Operation) -> None:
    name = told["field"]
    value = fields.get(name)
    if value is None:
        return
    divisor = EPOCHS.get(told["format"])
    moment = _of_epoch(name, value, divisor) if divisor else _of_text(name, value, told)
    fields[name] = moment.isoformat()


def _of_epoch(name: str, value: Any, divisor: int) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unmendable(f"{name} is no number")
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value / divisor)
    except (OverflowError, ValueError) as error:
        raise Unmendable(f"{name} names no moment") from error


def _of_text(name: str, value: Any, told: Operation) -> datetime:
    if not isinstance(value, str):
        raise Unmendable(f"{name} is no text")
    try:
        read = datetime.strptime(value, told["format"])  # noqa: DTZ007 - the zone is told beside it
        if read.tzinfo is not None:
            return read
        zone = ZoneInfo(told["zone"])
        moment = read.replace(tzinfo=zone)
        known = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == read
    except (ValueError, OverflowError) as error:
        raise Unmendable(f"{name} is not of the format {told['format']}: {value[:50]!r}") from error
    if not known:
        raise Unmendable(f"{name} is a time that clocks of {told['zone']} skipped: {value[:50]!r}")
    return moment


APPLY: dict[str, Callable[[Fields, Operation], None]] = {
    "rename": _rename,
    "cast": _cast,
    "default": _default,
    "convert": _convert,
    "time_format": _time_format,
}
