"""Forms of the admin site."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from controlplane.ledger.models import Inquiry
from controlplane.ledger.questions import DelaysQuestionSerializer, TraceQuestionSerializer
from controlplane.ledger.states import InquiryKind


def _text(help_text: str) -> forms.CharField:
    return forms.CharField(required=False, max_length=1000, widget=UnfoldAdminTextInputWidget, help_text=help_text)


def _whole(help_text: str) -> forms.IntegerField:
    return forms.IntegerField(required=False, widget=UnfoldAdminIntegerFieldWidget, help_text=help_text)


class InquiryForm(forms.ModelForm):
    """A question, checked as the API checks it."""

    QUESTION: ClassVar[list[str]] = ["sensor_id", "timestamp", "topic", "partition", "offset"]

    sensor_id = _text("Of a trace by sensor and time.")
    timestamp = _text("ISO 8601 with an offset.")
    topic = _text("Of a trace by place; the pipeline's by itself.")
    partition = _whole("")
    offset = _whole("")

    class Meta:
        model = Inquiry
        fields = ["pipeline", "kind"]

    def clean(self) -> dict[str, Any]:
        told = dict(super().clean() or {})
        self._question = {name: told[name] for name in self.QUESTION if told.get(name) not in (None, "")}
        if told.get("kind") == InquiryKind.RECOUNT and self._question:
            self.add_error(None, "a recount is about all there is: it takes no place and no sensor")
        elif told.get("kind") in CHECKED:
            checked = CHECKED[told["kind"]](data=self._question)
            if checked.is_valid():
                self._question = dict(checked.validated_data)
            else:
                words = [f"{name}: {' '.join(map(str, texts))}" for name, texts in checked.errors.items()]
                self.add_error(None, "; ".join(words))
        return told

    def question(self) -> dict[str, Any]:
        """After `is_valid`."""
        return self._question


CHECKED: dict[str, Any] = {InquiryKind.TRACE: TraceQuestionSerializer, InquiryKind.DELAYS: DelaysQuestionSerializer}
