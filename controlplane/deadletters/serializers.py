"""What requests about dead letters say, and what answers show. Payloads are shown as text, or as base64."""

from __future__ import annotations

import base64
from typing import Any

from rest_framework import serializers

from controlplane.core.api.fields import FlagField, LineField, MomentField, WholeField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.deadletters.models import REASONS, DeadLetter, DeadLetterGroup, Redrive
from controlplane.deadletters.selectors import COUNTED
from controlplane.deadletters.states import LetterStatus

LARGEST_ID = 2**63 - 1
FASTEST = 1_000_000


class LetterQuerySerializer(StrictSerializer):
    """Which letters; `since` and `until` are times of arrival, `until` not included."""

    group = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    reason = serializers.ChoiceField(REASONS, required=False, source="refused_as")
    status = serializers.ChoiceField(LetterStatus.choices, required=False)
    search = serializers.CharField(required=False, max_length=200, help_text="A part of the payload's text.")
    since = MomentField(required=False)
    until = MomentField(required=False)
    again = serializers.BooleanField(required=False, help_text="Whether it was redriven before.")


class SelectionSerializer(StrictSerializer):
    """Which letters, as the list has them; all of the pipeline where nothing is told."""

    group = WholeField(required=False, min_value=1, max_value=LARGEST_ID)
    refused_as = serializers.ChoiceField(REASONS, required=False, help_text="The reason of the letters.")
    search = LineField(required=False, max_length=200, help_text="A part of the payload's text.")
    since = MomentField(required=False)
    until = MomentField(required=False)
    again = FlagField(required=False)


class MappingField(serializers.JSONField):
    """A list of operations; what each may say is checked by `mapping_checked`."""


class MendRequestSerializer(SelectionSerializer):
    mapping = MappingField(default=list, help_text="Operations, docs/dead-letters.md.")


class RedriveRequestSerializer(MendRequestSerializer, ReasonSerializer):
    """Letters, the mapping that mends them, and why. A reason is needed."""

    rate = WholeField(min_value=0, max_value=FASTEST, default=0, help_text="Letters a second; 0 is without limit.")
    unchecked = FlagField(default=False, help_text="Send also what the contract would refuse again.")


class DiscardRequestSerializer(SelectionSerializer, ReasonSerializer):
    """Letters, and why. A discard needs a reason."""


def selection_of(told: dict[str, Any]) -> dict[str, Any]:
    """The selection in what a body says."""
    return {name: value for name, value in told.items() if name in SelectionSerializer().fields}


class ReasonOfVocabularySerializer(serializers.Serializer):
    reason = serializers.ChoiceField(REASONS)
    when = serializers.CharField()


class VocabularySerializer(serializers.Serializer):
    """The reasons in the order in which they are judged; the first that applies is a letter's."""

    reasons = ReasonOfVocabularySerializer(many=True)


class LetterCountsSerializer(serializers.Serializer):
    open = serializers.IntegerField(source=COUNTED["open"])
    redriving = serializers.IntegerField(source=COUNTED["redriving"])
    redriven = serializers.IntegerField(source=COUNTED["redriven"])
    discarded = serializers.IntegerField(source=COUNTED["discarded"])
    expired = serializers.IntegerField(source=COUNTED["expired"])


class GroupSerializer(serializers.ModelSerializer):
    """Letters of one reason and shape: how many of each status, and when the first and the last arrived."""

    counts = LetterCountsSerializer(source="*")
    again = serializers.IntegerField(source="letters_again", help_text="Those that were redriven before.")
    first_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = DeadLetterGroup
        fields = ["id", "reason", "shape", "counts", "again", "first_at", "last_at"]


class LetterSerializer(serializers.ModelSerializer):
    """A letter with the beginning of its payload as text; bytes that are none are shown as the replacement mark."""

    text = serializers.SerializerMethodField(help_text="The first 200 characters.")
    key = serializers.SerializerMethodField()
    redrive = serializers.IntegerField(source="redrive_id", allow_null=True)
    discard = serializers.IntegerField(source="discard_id", allow_null=True)
    group = serializers.IntegerField(source="group_id")

    class Meta:
        model = DeadLetter
        fields = [
            "id", "group", "topic", "partition", "offset", "kafka_timestamp", "reason", "status", "again", "origin",
            "size", "key", "text", "redrive", "discard", "gone",
        ]  # fmt: skip

    def get_text(self, letter: DeadLetter) -> str:
        return str(letter.text[:200])

    def get_key(self, letter: DeadLetter) -> str | None:
        return None if letter.key is None else bytes(letter.key).decode(errors="replace")[:200]


class HeaderSerializer(serializers.Serializer):
    key = serializers.CharField()
    value = serializers.CharField(allow_null=True, help_text="Base64.")


class LetterDetailSerializer(LetterSerializer):
    """A letter with what the index holds of its payload: `payload` is text where `encoding` is utf-8, else base64."""

    payload = serializers.SerializerMethodField()
    encoding = serializers.SerializerMethodField()
    whole = serializers.BooleanField(help_text="Whether that is all of it.")
    shape = serializers.CharField(source="group.shape")
    headers = HeaderSerializer(many=True)

    class Meta(LetterSerializer.Meta):
        fields = [
            *LetterSerializer.Meta.fields, "shape", "payload", "encoding", "whole", "headers", "sent_partition",
            "sent_offset",
        ]  # fmt: skip

    def get_payload(self, letter: DeadLetter) -> str | None:
        return payload_shown(letter)[0]

    def get_encoding(self, letter: DeadLetter) -> str:
        return payload_shown(letter)[1]


def payload_shown(letter: DeadLetter) -> tuple[str | None, str]:
    """The payload and its encoding, utf-8 or base64."""
    if letter.payload is None:
        return None, "utf-8"
    payload = bytes(letter.payload)
    try:
        return payload.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode(), "base64"


class MendSampleSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    before = serializers.CharField()
    after = serializers.CharField(help_text="Empty where the mapping could not be done.")
    passes = serializers.BooleanField()
    reason = serializers.CharField(help_text="Why the contract would refuse it again.")
    problem = serializers.CharField(help_text="Why the mapping could not be done.")


class MendProblemSerializer(serializers.Serializer):
    problem = serializers.CharField()
    letters = serializers.IntegerField()


class MendSerializer(serializers.Serializer):
    """What a mapping would make of the open letters of a selection, of which the newest are looked at."""

    letters = serializers.IntegerField()
    looked_at = serializers.IntegerField()
    would_pass = serializers.IntegerField()
    refused = serializers.DictField(child=serializers.IntegerField(), help_text="How many still, by reason.")
    problems = MendProblemSerializer(many=True)
    samples = MendSampleSerializer(many=True)


class DiscardSerializer(serializers.Serializer):
    discard = serializers.IntegerField()
    letters = serializers.IntegerField()


class ReopenedSerializer(serializers.Serializer):
    letters = serializers.IntegerField()


class OutcomeSerializer(serializers.Serializer):
    """What became of what was sent. `deferred` are old readings, which the next batch run brings to Silver."""

    at = serializers.DateTimeField(help_text="When that was looked at.")
    pending = serializers.IntegerField(help_text="Not judged yet.")
    refused = serializers.IntegerField(help_text="Dead letters again.")
    kept = serializers.IntegerField(help_text="In Silver.")
    duplicate = serializers.IntegerField()
    deferred = serializers.IntegerField()


class RedriveSerializer(serializers.ModelSerializer):
    pipeline = serializers.CharField(source="pipeline.name")
    requested_by = serializers.CharField(source="requested_by.username", allow_null=True, default=None)
    mapping = serializers.ListField(child=serializers.DictField())
    outcome = OutcomeSerializer(allow_null=True)

    class Meta:
        model = Redrive
        fields = [
            "id", "pipeline", "state", "mapping", "rate", "unchecked", "reason", "requested_by", "cause", "claimed",
            "sent", "left", "outcome", "created_at", "started_at", "ended_at",
        ]  # fmt: skip
