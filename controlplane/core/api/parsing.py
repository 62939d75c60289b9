"""Bodies that are refused whatever they say: too deep, or with names that nobody asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.serializers import Serializer

from controlplane.core.api.fields import LineField

DEEPEST = 20  # levels of lists and objects
NAMED = 10  # of unknown names, at most


class TooDeep(ParseError):
    default_detail = f"the JSON is nested too deeply: {DEEPEST} levels at most"


class ShallowJSONParser(JSONParser):
    """JSON of a depth that an operator might send; `controlplane.core.bodies` sees to its size."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            parsed = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise TooDeep from error
        if _depth_exceeds(parsed, DEEPEST):
            raise TooDeep
        return parsed


def _depth_exceeds(parsed: Any, most: int) -> bool:
    """Level by level: what was parsed with the stack that there was may not be walked with what is left of it."""
    level = [parsed]
    for _ in range(most + 1):
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for items in inner for item in items]
        if not level:
            return False
    return True


class StrictSerializer(Serializer):
    """Refuses names that it does not know: a misspelt setting must not pass for one that was set."""

    def to_internal_value(self, data: Any) -> Any:
        known = {name for name, field in self.fields.items() if not field.read_only}
        if isinstance(data, Mapping) and (unknown := set(data) - known):
            raise ValidationError({str(name)[:100]: ["unknown"] for name in sorted(unknown, key=str)[:NAMED]})
        return super().to_internal_value(data)


class ReasonSerializer(StrictSerializer):
    """Why a person changes something; goes to the audit log."""

    reason = LineField(max_length=500, allow_blank=True, default="")
