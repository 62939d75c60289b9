"""The id of the request that is being answered: in the answer, in log lines, in audit rows."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Empty outside of a request."""
    return _current.get()


class RequestIdMiddleware:
    """Takes a caller's id if it is harmless in a log line, else makes one. Stands first, so that all others log it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request.headers.get(HEADER, "")
        before = _current.set(told if ACCEPTED.fullmatch(told) else uuid.uuid4().hex)
        try:
            response = self.get_response(request)
            response[HEADER] = _current.get()
        finally:
            _current.reset(before)
        return response


class RequestIdFilter(logging.Filter):
    """Gives each record `request_tag`: the id in brackets, or nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        found = request_id()
        record.request_tag = f" [{found}]" if found else ""
        return True
