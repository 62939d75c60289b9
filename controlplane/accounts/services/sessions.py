"""Signing in and out, in the audit log. Django tells of both, whichever page they were done on."""

from __future__ import annotations

from typing import Any

from controlplane.accounts.models import User
from controlplane.accounts.services.audit import audit_record


def session_started(*, user: User, **_: Any) -> None:
    audit_record(actor=user, action="session.started", object=f"user/{user.username}")


def session_ended(*, user: User | None, **_: Any) -> None:
    if user is not None:  # else nobody was signed in
        audit_record(actor=user, action="session.ended", object=f"user/{user.username}")
