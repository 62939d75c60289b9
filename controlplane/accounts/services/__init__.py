"""Changes of accounts, each with its audit row."""

from controlplane.accounts.services.audit import audit_record
from controlplane.accounts.services.tokens import token_adopt, token_make, token_revoke
from controlplane.accounts.services.users import user_change, user_make

__all__ = ["audit_record", "token_adopt", "token_make", "token_revoke", "user_change", "user_make"]
