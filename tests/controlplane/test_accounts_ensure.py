from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from controlplane.accounts.authentication import token_of
from controlplane.accounts.management.commands.accounts_ensure import NAME
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.core.roles import Role, Scope

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PASSWORD, TOKEN = "correct horse battery", "pst_generated-by-this-installation"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_ADMIN_PASSWORD", PASSWORD)
    monkeypatch.setenv("PENSTOCK_CLI_TOKEN", TOKEN)


def test_an_installation_gets_its_administrator_and_the_commands_token() -> None:
    call_command("accounts_ensure")
    user = User.objects.get()
    assert (user.username, user.role, user.check_password(PASSWORD)) == (NAME, Role.ADMINISTRATOR, True)
    token = token_of(TOKEN)
    assert token is not None
    assert (token.user, token.scope) == (user, Scope.WRITE)
    assert TOKEN not in str(list(ApiToken.objects.values()))
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


def test_a_second_time_changes_nothing_but_the_tokens_expiry() -> None:
    call_command("accounts_ensure")
    ApiToken.objects.update(expires_at="2026-01-01T00:00Z")
    known = AuditEntry.objects.count()
    call_command("accounts_ensure")
    assert (User.objects.count(), ApiToken.objects.count(), AuditEntry.objects.count()) == (1, 1, known)
    assert token_of(TOKEN) is not None


def test_a_password_that_was_changed_is_not_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("accounts_ensure")
    monkeypatch.setenv("PENSTOCK_ADMIN_PASSWORD", "another password entirely")
    call_command("accounts_ensure")
    assert User.objects.get().check_password(PASSWORD)


def test_a_new_token_of_the_command_ends_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("accounts_ensure")
    monkeypatch.setenv("PENSTOCK_CLI_TOKEN", "pst_another")
    call_command("accounts_ensure")
    assert token_of(TOKEN) is None
    assert token_of("pst_another") is not None


def test_without_a_password_or_with_a_weak_one_nobody_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for password in ("", "short"):
        monkeypatch.setenv("PENSTOCK_ADMIN_PASSWORD", password)
        with pytest.raises(CommandError, match="PENSTOCK_ADMIN_PASSWORD"):
            call_command("accounts_ensure")
    assert not User.objects.exists()


def test_djangos_own_command_makes_an_administrator() -> None:
    made = User.objects.create_superuser("root", password=PASSWORD)
    assert (made.role, made.is_staff, made.is_superuser) == (Role.ADMINISTRATOR, True, True)
