"""Forms of the admin site."""

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget


class ReasonForm(forms.ModelForm):
    """A change with its reason, which goes to the audit log."""

    reason = forms.CharField(max_length=500, required=False, widget=UnfoldAdminTextInputWidget)
