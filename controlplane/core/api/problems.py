"""Errors as `application/problem+json` (RFC 9457). Here alone domain errors meet HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from controlplane.core.bodies import LARGEST_BODY
from controlplane.core.errors import DomainError, IllegalMove, Invalid, LoginFailed, NotFound, TooManyAttempts
from controlplane.core.request_id import request_id

MEDIA_TYPE = "application/problem+json"
API_PREFIX = "/api/"

DOMAIN_ERRORS: dict[type[DomainError], tuple[HTTPStatus, str]] = {
    Invalid: (HTTPStatus.BAD_REQUEST, "invalid"),
    LoginFailed: (HTTPStatus.UNAUTHORIZED, "login_failed"),
    NotFound: (HTTPStatus.NOT_FOUND, "not_found"),
    IllegalMove: (HTTPStatus.CONFLICT, "conflict"),
    TooManyAttempts: (HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts"),
}
CODES = {
    HTTPStatus.BAD_REQUEST: "invalid",
    HTTPStatus.UNAUTHORIZED: "not_authenticated",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
}

Problem = dict[str, Any]


def problem(status: int, detail: str, *, code: str = "", errors: Mapping[str, list[str]] | None = None) -> Problem:
    """The document. Text that came from outside may hold half a surrogate pair, which no encoder would send."""
    known = HTTPStatus(status)
    code = code or CODES.get(known, known.name.lower())
    made: Problem = {
        "type": f"/problems/{code}",
        "title": known.phrase,
        "status": status,
        "detail": _sendable(detail),
        "code": code,
        "request_id": request_id(),
    }
    if errors:
        made["errors"] = {_sendable(name): [_sendable(text) for text in texts] for name, texts in errors.items()}
    return made


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's hook. None has Django answer 500 by `server_error`, with the trace in the log."""
    headers: dict[str, str] = {}
    if isinstance(error, DomainError):
        status, code = next(
            (told for kind, told in DOMAIN_ERRORS.items() if isinstance(error, kind)), (HTTPStatus.CONFLICT, "conflict")
        )
        if isinstance(error, TooManyAttempts):
            headers["Retry-After"] = str(error.wait)
        made = problem(status, str(error), code=code, errors=getattr(error, "errors", None))
    elif isinstance(error, Http404):
        made = problem(HTTPStatus.NOT_FOUND, "there is nothing at this address")
    elif isinstance(error, PermissionDenied):
        made = problem(HTTPStatus.FORBIDDEN, str(error) or "this is not allowed")
    elif isinstance(error, RequestDataTooBig):
        told = f"the body may have {LARGEST_BODY:,} bytes at most"
        made = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
    elif isinstance(error, OperationalError | InterfaceError):
        headers["Retry-After"] = "5"
        made = problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer")
    elif isinstance(error, exceptions.APIException):
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
        made = _of_framework(error)
    else:
        return None
    return Response(made, status=made["status"], headers=headers, content_type=MEDIA_TYPE)


def _of_framework(error: exceptions.APIException) -> Problem:
    errors = dict(_flat(error.detail)) if isinstance(error, exceptions.ValidationError) else {}
    detail = "some fields are not right" if errors else str(error.detail)
    # What the framework calls these by default says no more than the status does.
    told = getattr(error.detail, "code", None)
    return problem(error.status_code, detail, code=told if told in OWN_CODES else "", errors=errors)


OWN_CODES = frozenset({"parse_error", "csrf_failed", "authentication_failed"})


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Sentences by dotted path; what belongs to no field stands under `detail`."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            name = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, f"{path}.{name}" if path and name else path or name)
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, inner in enumerate(detail):
            yield from _flat(inner, f"{path}.{index}" if path else str(index))
    else:
        texts = detail if isinstance(detail, list) else [detail]
        yield path or "detail", [str(text) for text in texts]


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:1000]


# Where Django itself answers ---------------------------------------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API_PREFIX):
        return defaults.bad_request(request, exception)
    return _answer(HTTPStatus.BAD_REQUEST, "the request cannot be read")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API_PREFIX):
        return defaults.permission_denied(request, exception)
    return _answer(HTTPStatus.FORBIDDEN, "this is not allowed")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API_PREFIX):
        return defaults.page_not_found(request, exception)
    return _answer(HTTPStatus.NOT_FOUND, "there is nothing at this address")


def server_error(request: HttpRequest) -> HttpResponse:
    if not request.path.startswith(API_PREFIX):
        return defaults.server_error(request)
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "something failed here; the log has it under the request's id")


def _answer(status: HTTPStatus, detail: str) -> HttpResponse:
    return JsonResponse(problem(status, detail), status=status, content_type=MEDIA_TYPE)
