"""Names and passwords, checked no more often than somebody who mistypes needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.backends import ModelBackend
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from controlplane.accounts.models import LoginAttempt, User
from controlplane.core.errors import LoginFailed, TooManyAttempts

MOST = 10
WINDOW = timedelta(minutes=5)


class ThrottledBackend(ModelBackend):
    """Every way in by password goes through here: the API's and the admin's own page."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Raises TooManyAttempts, without a look at the password."""
        if username is None or password is None:
            return None
        # The connection's address: a forwarded one is whatever the caller says it is.
        by_name = _subject("name", username.casefold())
        reserved = _reserve(by_name, _subject("address", request.META.get("REMOTE_ADDR", "") if request else ""))
        user: User | None = super().authenticate(request, username=username, password=password, **kwargs)
        if user is not None:
            LoginAttempt.objects.filter(Q(pk__in=reserved) | Q(subject=by_name)).delete()
        return user


def login_check(*, request: HttpRequest, username: str, password: str) -> User:
    """Whose name and password these are. Raises LoginFailed and TooManyAttempts."""
    user: User | None = authenticate(request, username=username, password=password)
    if user is None:
        raise LoginFailed("name and password do not belong together")
    return user


def _reserve(*subjects: str) -> list[int]:
    """Count the attempt before the password is looked at, so that of fifty at once no more than ten are."""
    now = timezone.now()
    LoginAttempt.objects.filter(at__lt=now - WINDOW).delete()
    reserved = []
    for subject in subjects:
        reserved.append(LoginAttempt.objects.create(subject=subject).pk)
        if LoginAttempt.objects.filter(subject=subject, at__gte=now - WINDOW).count() > MOST:
            # What is refused is no failure: whoever waits gets in, whoever else keeps trying.
            LoginAttempt.objects.filter(pk__in=reserved).delete()
            raise TooManyAttempts("too many logins failed; try again later", wait=int(WINDOW.total_seconds()))
    return reserved


def _subject(kind: str, value: str) -> str:
    return str(salted_hmac("penstock.login", f"{kind}:{value}", algorithm="sha256").hexdigest())
