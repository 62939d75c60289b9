"""Forms of the admin site."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm
from unfold.widgets import UnfoldAdminPasswordWidget

from controlplane.accounts.models import User
from controlplane.accounts.services import user_change
from controlplane.core.errors import TooManyAttempts
from controlplane.core.forms import ReasonForm


class LoginForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        try:
            return dict(super().clean())
        except TooManyAttempts as error:
            raise ValidationError(str(error)) from error


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """One's own password, changed by the service, which has it in the audit log."""

    user: User

    def save(self, commit: bool = True) -> User:
        told = self.cleaned_data["new_password1"]
        self.user = user_change(user=self.user, password=told, actor=self.user, reason="by its owner")
        return self.user


class UserForm(ReasonForm):
    new_password = forms.CharField(
        required=False, strip=False, widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"})
    )

    class Meta:
        model = User
        fields = ["username", "role", "is_active", "new_password", "reason"]

    def clean_new_password(self) -> str:
        password = str(self.cleaned_data["new_password"])
        if not password and self.instance.pk is None:
            raise ValidationError("somebody new needs a password")
        if password:
            validate_password(password, self.instance)
        return password
