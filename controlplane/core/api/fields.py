"""Fields of request bodies. JSON has types: what is of another one is refused, not read as what it might have meant.

Query strings are text whatever they say, and are read by the framework's own fields.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from rest_framework.serializers import BooleanField, CharField, FloatField, IntegerField, ValidationError

from controlplane.core.text import COMPLAINT, is_line

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class TextField(CharField):
    """A JSON string."""

    def run_validation(self, data: Any = "") -> Any:
        if isinstance(data, bool | int | float | list | dict):
            raise ValidationError("a text is needed")
        return super().run_validation(data)


class LineField(TextField):
    """A text that lists, logs and mails show in one line: it holds no control character."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not is_line(text):
            raise ValidationError(COMPLAINT)
        return text


class FlagField(BooleanField):
    """true or false: not 1, not "yes"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise ValidationError("true or false is needed")
        return data


class WholeField(IntegerField):
    """A JSON number without a fraction: not 1.0, not "3", not true."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise ValidationError("a whole number is needed")
        return data


class NumberField(FloatField):
    """A JSON number: not text, not a truth value, not 1e999."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise ValidationError("a number is needed")
        try:
            value = float(data)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise ValidationError("a finite number is needed")
        return value


class MomentField(TextField):
    """ISO 8601 with an offset, of these centuries, in UTC: a time without an offset would be somebody's local time."""

    def to_internal_value(self, data: Any) -> datetime:
        text = super().to_internal_value(data)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValidationError("this is not an ISO 8601 time") from None
        if moment.tzinfo is None:
            raise ValidationError("the time has no offset from UTC")
        # At the ends of the calendar the offset leads out of it; comparing does not.
        if not EARLIEST <= moment < LATEST:
            raise ValidationError(f"between {EARLIEST:%Y} and {LATEST:%Y}")
        return moment.astimezone(UTC)
