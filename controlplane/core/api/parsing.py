"""Input that is refused when it is not what was asked for: sizes, depths, unknown names, figures that are none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.serializers import CharField, FloatField, Serializer

LARGEST_BODY = 256 * 1024
NAMED = 10  # of unknown names, at most


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"the body may have {LARGEST_BODY} bytes at most"


class SmallJSONParser(JSONParser):
    """JSON of a size that an operator might send."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: dict[str, Any] | None = None
    ) -> Any:
        if int(parser_context["request"].META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:  # type: ignore[index]
            raise TooLarge
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("the JSON is nested too deeply") from error


class StrictSerializer(Serializer):
    """Refuses names that it does not know: a misspelt setting must not pass for one that was set."""

    def to_internal_value(self, data: Any) -> Any:
        known = {name for name, field in self.fields.items() if not field.read_only}
        if isinstance(data, Mapping) and (unknown := set(data) - known):
            raise ValidationError({str(name)[:100]: ["unknown"] for name in sorted(unknown, key=str)[:NAMED]})
        return super().to_internal_value(data)


class FiniteField(FloatField):
    """A JSON number: not text, not a truth value, not 1e999."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise ValidationError("a number is needed")
        value: float = super().to_internal_value(data)
        if not math.isfinite(value):
            raise ValidationError("a finite number is needed")
        return value


class ReasonSerializer(StrictSerializer):
    """Why a person changes something; goes to the audit log."""

    reason = CharField(max_length=500, allow_blank=True, default="")
