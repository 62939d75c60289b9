"""What may be asked of a worker, checked."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.core.api.fields import LineField, MomentField, NumberField, WholeField
from controlplane.core.api.parsing import StrictSerializer

MOST_OFFSET = 2**63 - 1
LONGEST_WATERMARK = 1440  # minutes
MOST_WATERMARKS = 20


class TraceQuestionSerializer(StrictSerializer):
    """A sensor and the time of its reading, or a place in Kafka."""

    sensor_id = LineField(required=False, max_length=1000)
    timestamp = MomentField(required=False, help_text="Of the reading.")
    topic = LineField(required=False, max_length=249, help_text="The pipeline's by itself.")
    partition = WholeField(required=False, min_value=0, max_value=2**31 - 1)
    offset = WholeField(required=False, min_value=0, max_value=MOST_OFFSET)

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        if told.keys() not in ({"sensor_id", "timestamp"}, {"partition", "offset"}, {"topic", "partition", "offset"}):
            raise serializers.ValidationError("give sensor_id and timestamp, or partition and offset, and nothing else")
        if "timestamp" in told:
            told["timestamp"] = told["timestamp"].isoformat()
        return told


class DelaysQuestionSerializer(StrictSerializer):
    """Watermarks to try beside the usual ones, and days of arrival; all there are by itself."""

    minutes = serializers.ListField(
        child=NumberField(min_value=0, max_value=LONGEST_WATERMARK),
        required=False,
        max_length=MOST_WATERMARKS,
    )
    first_day = serializers.DateField(required=False)
    last_day = serializers.DateField(required=False)

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        days = [told[name] for name in ("first_day", "last_day") if name in told]
        if days != sorted(days):
            raise serializers.ValidationError({"last_day": ["before the first day"]})
        return told | {name: told[name].isoformat() for name in ("first_day", "last_day") if name in told}
