"""Pages by cursor: page 1,000 costs what page 1 does, and rows that arrive meanwhile shift nothing."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ValidationError as ModelError
from django.db import DataError
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

BASE64 = re.compile("[A-Za-z0-9+/]+={0,2}")
BAD_CURSOR = ValidationError({"cursor": ["this is no cursor of this list"]})


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

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ModelError, DataError) as error:
            # A forged position is of the wrong type, or holds what no column can.
            if request.query_params.get(self.cursor_query_param):
                raise BAD_CURSOR from error
            raise

    def decode_cursor(self, request: Request) -> Cursor | None:
        # The decoder would pass over what is not of its alphabet.
        if not BASE64.fullmatch(request.query_params.get(self.cursor_query_param, "bm9uZQ==")):
            raise BAD_CURSOR
        try:
            return super().decode_cursor(request)
        except NotFound as error:
            raise BAD_CURSOR from error

    def encode_cursor(self, cursor: Cursor) -> str:
        """The cursor alone: a link would carry a host name that a proxy may have changed."""
        return dict(parse_qsl(urlsplit(super().encode_cursor(cursor)).query))[self.cursor_query_param]

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
