"""Forms of the admin site."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from controlplane.core.errors import TooManyAttempts


class LoginForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        try:
            return dict(super().clean())
        except TooManyAttempts as error:
            raise ValidationError(str(error)) from error
