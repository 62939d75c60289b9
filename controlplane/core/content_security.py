"""The Content-Security-Policy of every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
ADMIN_PREFIX = "/admin/"


class ContentSecurityMiddleware:
    """Strict, but for the admin's pages, which a library writes; a view that sets its own keeps it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.strict = _policy(settings.CONTENT_SECURITY_POLICY)
        self.admin = _policy(settings.ADMIN_SECURITY_POLICY)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, self.admin if request.path.startswith(ADMIN_PREFIX) else self.strict)
        return response


def _policy(directives: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())
