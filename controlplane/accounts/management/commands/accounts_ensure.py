"""`accounts_ensure`: what an installation starts with, an administrator and the command's token."""

import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import token_adopt, user_make
from controlplane.core.roles import Role

NAME = "admin"
TOKEN_NAME = "penstock command"  # noqa: S105 - what it is called, not what it is


class Command(BaseCommand):
    help = (
        f"Make the administrator `{NAME}` if there is none, with the password of PENSTOCK_ADMIN_PASSWORD, and adopt "
        "PENSTOCK_CLI_TOKEN as its token. Never changes a password."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=NAME).first()
        if user is None:
            user = self._make()
        if token := os.environ.get("PENSTOCK_CLI_TOKEN"):
            token_adopt(user=user, name=TOKEN_NAME, text=token)
        self.stdout.write(f"administrator {NAME}")

    def _make(self) -> User:
        password = os.environ.get("PENSTOCK_ADMIN_PASSWORD")
        if not password:
            raise CommandError(f"there is no {NAME} yet, and PENSTOCK_ADMIN_PASSWORD is not set")
        try:
            return user_make(
                username=NAME, password=password, role=Role.ADMINISTRATOR, actor=None, reason="first administrator"
            )
        except ValidationError as error:
            raise CommandError(f"PENSTOCK_ADMIN_PASSWORD: {' '.join(error.messages)}") from error
