"""Making and revoking API tokens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.services.audit import audit_record
from controlplane.core.errors import NotFound
from controlplane.core.roles import Scope

PREFIX = "pst_"
LONGEST_LIFE = timedelta(days=365)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def token_make(*, user: User, name: str, scope: Scope, life: timedelta, actor: User | None) -> tuple[ApiToken, str]:
    """A new token, and its text, which is nowhere to be had afterwards."""
    text = PREFIX + secrets.token_urlsafe(32)
    made = ApiToken.objects.create(
        user=user, name=name, scope=scope, digest=digest_of(text), expires_at=timezone.now() + life
    )
    _audit(made, "token.made", actor)
    return made, text


@transaction.atomic
def token_adopt(*, user: User, name: str, text: str, actor: User | None = None) -> ApiToken:
    """Make a text that an installation generated itself the one write token of that name; renewed each time."""
    digest, until = digest_of(text), timezone.now() + LONGEST_LIFE
    for other in ApiToken.objects.filter(user=user, name=name, revoked_at=None).exclude(digest=digest):
        _revoke(other, actor)
    token, made = ApiToken.objects.get_or_create(
        digest=digest, defaults={"user": user, "name": name, "scope": Scope.WRITE, "expires_at": until}
    )
    if made:
        _audit(token, "token.made", actor)
    else:
        ApiToken.objects.filter(pk=token.pk).update(expires_at=until)
    return token


@transaction.atomic
def token_revoke(*, token_id: int, owner: User | None, actor: User | None) -> None:
    """End a token at once. Raises NotFound when `owner` (None is anybody) has none of that id."""
    tokens = ApiToken.objects.select_for_update().filter(pk=token_id, revoked_at=None)
    token = (tokens.filter(user=owner) if owner else tokens).first()
    if token is None:
        raise NotFound(f"there is no token {token_id}")
    _revoke(token, actor)


def _revoke(token: ApiToken, actor: User | None) -> None:
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    _audit(token, "token.revoked", actor)


def _audit(token: ApiToken, action: str, actor: User | None) -> None:
    told = {"name": token.name, "scope": token.scope, "expires_at": token.expires_at}
    before, after = (told, None) if token.revoked_at else (None, told)
    place = f"user/{token.user.username}/token/{token.pk}"
    audit_record(actor=actor, action=action, object=place, before=before, after=after)
