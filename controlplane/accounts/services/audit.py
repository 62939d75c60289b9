"""Writing the audit log."""

from __future__ import annotations

from typing import Any

from controlplane.accounts.models import AuditEntry, User
from controlplane.core.request_id import request_id


def audit_record(
    *, actor: User | None, action: str, object: str, before: Any = None, after: Any = None, reason: str = ""
) -> None:
    """Note a change. Call it in the change's transaction: neither is ever there without the other."""
    AuditEntry.objects.create(
        actor=actor, action=action, object=object, before=before, after=after, reason=reason, request_id=request_id()
    )
