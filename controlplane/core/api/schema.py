"""What drf-spectacular cannot see by itself: query serializers, and that every error is a problem."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes
from rest_framework import serializers

from controlplane.core.api.parsing import StrictSerializer
from controlplane.core.api.problems import MEDIA_TYPE
from controlplane.core.api.views import ApiView, ListView


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


def answers_are_complete(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Every field of an answer is there, whatever its column's default is; only a problem's `errors` may be missing."""
    for name, component in result["components"]["schemas"].items():
        if name.endswith("Request") or "properties" not in component:
            continue
        optional = {"errors"} if name == "Problem" else set()
        component["required"] = sorted(set(component["properties"]) - optional)
        for described in component["properties"].values():
            described.pop("readOnly", None)
    return result
