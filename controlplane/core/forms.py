"""Forms of the admin site."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from controlplane.core.text import COMPLAINT, is_line


class ReasonForm(forms.ModelForm):
    """A change with its reason, which goes to the audit log."""

    reason = forms.CharField(max_length=500, required=False, widget=UnfoldAdminTextInputWidget)

    def clean_reason(self) -> str:
        reason = str(self.cleaned_data["reason"])
        if not is_line(reason):
            raise ValidationError(COMPLAINT)
        return reason
