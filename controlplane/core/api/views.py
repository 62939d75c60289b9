"""Views parse, call, render. What they have in common is here."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from controlplane.core.api.pagination import CursorPages
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.roles import Role


class ApiView(APIView):
    """`query_serializer` describes the query string of a GET; its values are in `self.query`, unknown names refused."""

    read_role: ClassVar[str] = Role.VIEWER
    write_role: ClassVar[str] = Role.OPERATOR
    query_serializer: ClassVar[type[Serializer]] = StrictSerializer
    pages: ClassVar[frozenset[str]] = frozenset()
    query: dict[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method)
        told = request.query_params.copy()
        for name in self.pages:
            told.pop(name, None)
        reads = request.method in ("GET", "HEAD")
        self.query = self.checked(self.query_serializer if reads else StrictSerializer, told)

    def checked(self, kind: type[Serializer], data: Any) -> dict[str, Any]:
        """What `data` says by the serializer; raises ValidationError."""
        serializer = kind(data=data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def reason(self, request: Request) -> str:
        """Of a body that has a reason and nothing else."""
        return str(self.checked(ReasonSerializer, request.data)["reason"])


class ListView(ApiView, ListAPIView):
    """A list by pages, read by `ordering`, one unique column."""

    pagination_class = CursorPages
    pages = frozenset({CursorPages.cursor_query_param, CursorPages.page_size_query_param})
    ordering: ClassVar[str] = "-id"
