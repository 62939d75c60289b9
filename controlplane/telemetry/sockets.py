"""Who may open a live socket: somebody with a session or a token, from a page of our own."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from controlplane.accounts.authentication import token_of
from controlplane.accounts.models import User

Scope = dict[str, Any]


def origin_allowed(scope: Scope) -> bool:
    """Whether the page that opens it was served by this very host.

    Browsers always say what page that is; only a program does not, and it has to show a token: a cookie could be
    somebody else's who was lured here.
    """
    origin, host = _header(scope, b"origin"), _header(scope, b"host").lower()
    if not origin:
        return bool(_bearer(scope))
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    # A host that anybody's DNS may point here is not ours, though it equals itself.
    ours = validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)
    return ours and page.scheme in ("http", "https") and page.netloc.lower() == host


async def user_of(scope: Scope) -> User | None:
    """Whose login it is, if that is still good: read anew from the database at each call."""
    if text := _bearer(scope):
        token = await database_sync_to_async(token_of)(text)
        return token.user if token else None
    key = scope["cookies"].get(settings.SESSION_COOKIE_NAME)
    user = await get_user({"session": import_module(settings.SESSION_ENGINE).SessionStore(key)})
    return user if user.is_authenticated else None


def _bearer(scope: Scope) -> str:
    scheme, _, text = _header(scope, b"authorization").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _header(scope: Scope, name: bytes) -> str:
    """The header's value, empty when it is absent or there are several."""
    found: list[bytes] = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin1") if len(found) == 1 else ""
