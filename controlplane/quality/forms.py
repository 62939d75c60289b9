"""A suite in the admin site: what its newest version says is what the form begins with."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from controlplane.core.errors import Invalid
from controlplane.core.forms import ReasonForm
from controlplane.quality.checking import FIELDS, suite_checked
from controlplane.quality.models import Suite
from controlplane.quality.states import LAYERS, SEVERITIES


class SuiteForm(ReasonForm):
    layer = forms.ChoiceField(choices=LAYERS, widget=UnfoldAdminSelectWidget)
    severity = forms.ChoiceField(choices=SEVERITIES, widget=UnfoldAdminSelectWidget)
    expectations = forms.JSONField(
        widget=UnfoldAdminTextareaWidget({"rows": 20}), help_text="A list of {type, arguments}; docs/quality.md."
    )

    class Meta:
        model = Suite
        fields = ["pipeline", "name"]

    def __init__(self, *args: Any, **told: Any) -> None:
        super().__init__(*args, **told)
        if self.instance.pk is not None and (newest := self.instance.versions.first()) is not None:
            self.initial |= {field: getattr(newest, field) for field in FIELDS}

    @property
    def values(self) -> dict[str, Any]:
        return {field: self.cleaned_data[field] for field in FIELDS}

    def clean(self) -> dict[str, Any]:
        """By what the API checks, too."""
        cleaned = dict(super().clean() or self.cleaned_data)
        name = self.instance.name or cleaned.get("name")
        if name and all(field in cleaned for field in FIELDS):
            try:
                suite_checked(name, {field: cleaned[field] for field in FIELDS})
            except Invalid as error:
                for place, sentences in error.errors.items():
                    field = place.partition(".")[0]
                    self.add_error(field, [f"{place}: {text}" if place != field else text for text in sentences])
        return cleaned
