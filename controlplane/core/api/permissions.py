"""One rule for every endpoint: a role for reading, one for writing, and a token that was made for it."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from controlplane.core.roles import Role, Scope


class RoleAndScope(BasePermission):
    """Asks the view for `read_role` and `write_role`, the user for `role`, and a token for its `scope`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        writing = request.method not in SAFE_METHODS
        if writing and request.auth is not None and request.auth.scope != Scope.WRITE:
            raise PermissionDenied(f"this needs a token of scope {Scope.WRITE}")
        needed = view.write_role if writing else view.read_role
        if not Role(request.user.role).covers(needed):
            raise PermissionDenied(f"this needs the role {needed}")
        return True
