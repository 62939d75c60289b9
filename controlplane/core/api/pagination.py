"""Pages by cursor: page 1,000 costs what page 1 does, and rows that arrive meanwhile shift nothing."""

from __future__ import annotations

from typing import Any

from django.core.signing import BadSignature, Signer
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response


class CursorPages(CursorPagination):
    """`?cursor=&limit=`, ordered by the view's `ordering`, which names one unique column."""

    page_size = 50
    page_size_query_param = "limit"
    page_size_query_description = "How many to return, 1 to 200."
    cursor_query_description = "`next` or `previous` of another page."
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        told = request.query_params.get(self.page_size_query_param)
        if told is None:
            return self.page_size
        if not (told.isascii() and told.isdigit() and len(told) < 4 and 1 <= int(told) <= self.max_page_size):
            raise ValidationError({"limit": [f"a whole number from 1 to {self.max_page_size}"]})
        return int(told)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str]:
        return (view.ordering,)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Only what this list has given out: of another list, or made up, it would pass for a place in this one."""
        self._signer = Signer(salt=f"penstock.cursor:{request.path}")
        told = request.query_params.get(self.cursor_query_param)
        if told is None:
            return None
        try:
            return Cursor(*self._signer.unsign_object(told))
        except BadSignature as error:
            raise ValidationError({"cursor": ["this is no cursor of this list"]}) from error

    def encode_cursor(self, cursor: Cursor) -> str:
        """The cursor alone: a link would carry a host name that a proxy may have changed."""
        return str(self._signer.sign_object(list(cursor)))

    def get_paginated_response(self, data: list[Any]) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": ["string", "null"]}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": cursor, "previous": cursor},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        cursor, limit = super().get_schema_operation_parameters(view)
        limit["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [cursor, limit]
