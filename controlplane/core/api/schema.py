"""What drf-spectacular cannot see by itself: query serializers, and that every error is a problem."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from controlplane.core.api.parsing import StrictSerializer
from controlplane.core.api.problems import MEDIA_TYPE
from controlplane.core.api.views import ApiView, ListView


@extend_schema_serializer(extensions={"x-partial": True})
class ProblemSerializer(serializers.Serializer):
    """Whatever went wrong, as RFC 9457 has it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)


class ProblemSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        described = getattr(self.view, "query_serializer", None)
        return [described] if described and described().fields and self.method == "GET" else []

    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(*args, **kwargs)
        bodies["default"] = self._get_response_for_code(ProblemSerializer, "default", media_types=[MEDIA_TYPE])
        return bodies


def not_descriptions() -> list[type]:
    """Classes whose docstrings are for who writes views, not for who calls them."""
    return [*get_lib_doc_excludes(), ApiView, ListView, StrictSerializer]


# What a column says of itself, and what nobody who reads a value needs to know.
OF_COLUMNS = {"readOnly", "minimum", "maximum", "maxLength", "format"}
MEANT = {"date-time", "uri"}


def answers_are_complete(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Every field of an answer is there, whatever its column's default is; `x-partial` says that not all need be."""
    for name, component in result["components"]["schemas"].items():
        partial = component.pop("x-partial", False)
        if name.endswith("Request") or "properties" not in component:
            continue
        if not partial:
            component["required"] = sorted(component["properties"])
        for described in component["properties"].values():
            kept = {"format"} if described.get("format") in MEANT else set()
            for word in OF_COLUMNS - kept:
                described.pop(word, None)
    return result
