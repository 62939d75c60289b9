"""Making people and changing what they may do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services.audit import audit_record
from controlplane.core.errors import Invalid
from controlplane.core.roles import Role


@transaction.atomic
def user_make(*, username: str, password: str, role: Role, actor: User | None, reason: str = "") -> User:
    """Raises django's ValidationError when the password is too weak."""
    user = User(username=username, role=role)
    validate_password(password, user)
    user.set_password(password)
    user.save()
    audit_record(
        actor=actor, action="user.made", object=f"user/{username}", after={"role": role, "active": True}, reason=reason
    )
    return user


@transaction.atomic
def user_change(
    *,
    user: User,
    actor: User | None,
    role: Role | None = None,
    active: bool | None = None,
    password: str | None = None,
    reason: str = "",
) -> User:
    """Change what is given. Raises Invalid when nobody would be left to administer."""
    held = User.objects.select_for_update().get(pk=user.pk)
    before = _told(held)
    held.role = role if role is not None else held.role
    held.is_active = active if active is not None else held.is_active
    if password is not None:
        held.set_password(password)
    if before["role"] == Role.ADMINISTRATOR and before["active"]:
        _somebody_else_administers(held)
    held.save(update_fields=["role", "is_active", "password"])
    after = _told(held) | ({"password": "changed"} if password is not None else {})
    audit_record(
        actor=actor, action="user.changed", object=f"user/{held.username}", before=before, after=after, reason=reason
    )
    return held


def _told(user: User) -> dict[str, Any]:
    return {"role": user.role, "active": user.is_active}


def _somebody_else_administers(user: User) -> None:
    if user.role == Role.ADMINISTRATOR and user.is_active:
        return
    # Locked, so that two administrators cannot retire each other at once.
    others = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
    if not others.exists():
        raise Invalid(f"{user.username} is the last administrator")
