"""What requests about suites say, and what answers show."""

from __future__ import annotations

from typing import Any

from django.core.validators import validate_slug
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.core.api.fields import FlagField, TextField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.quality.models import ExpectationResult, Suite, SuiteEvaluation, SuiteVersion
from controlplane.quality.states import LAYERS, SEVERITIES, VERDICTS

LARGEST_ID = 2**63 - 1


class ExpectationSerializer(serializers.Serializer):
    """One of Great Expectations by its name, or of drift, with its arguments."""

    type = serializers.CharField()
    arguments = serializers.DictField()


@extend_schema_field(ExpectationSerializer(many=True))
class ExpectationsField(serializers.JSONField):
    """A list of expectations; what each may say is checked by `suite_checked`."""


class SuiteSerializer(serializers.ModelSerializer):
    """A suite as its newest version says it, and what its newest evaluation came to."""

    version = serializers.IntegerField(source="number")
    layer = serializers.ChoiceField(LAYERS)
    severity = serializers.ChoiceField(SEVERITIES, help_text="hold: rows that fail it are not loaded; warn: noted.")
    expectations = ExpectationSerializer(many=True)
    verdict = serializers.ChoiceField(VERDICTS, allow_null=True, help_text="None while it was never evaluated.")
    evaluated_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Suite
        fields = [
            "name", "enabled", "version", "layer", "severity", "expectations", "verdict", "evaluated_at", "created_at",
        ]  # fmt: skip


class SuiteValuesSerializer(ReasonSerializer):
    """What a suite says."""

    layer = serializers.ChoiceField(LAYERS)
    severity = serializers.ChoiceField(SEVERITIES)
    expectations = ExpectationsField(help_text="See docs/quality.md.")
    dry_run = FlagField(default=False, help_text="Say what would change, and change nothing.")


class NewSuiteSerializer(SuiteValuesSerializer):
    name = TextField(max_length=50, validators=[validate_slug])


class SuitePlanSerializer(serializers.Serializer):
    """What saving this would change."""

    version = serializers.IntegerField(help_text="The number of the version that would say it.")
    makes_version = serializers.BooleanField(help_text="False where the newest says just that.")
    changes = serializers.ListField(child=serializers.CharField())


class SuiteVersionSerializer(serializers.ModelSerializer):
    expectations = ExpectationSerializer(many=True)
    made_by = serializers.CharField(source="made_by.username", allow_null=True, default=None)

    class Meta:
        model = SuiteVersion
        fields = ["number", "layer", "severity", "expectations", "made_by", "made_at", "reason"]


class ResultCountsSerializer(serializers.Serializer):
    passed = serializers.IntegerField(source="passed_count")
    empty = serializers.IntegerField(source="empty_count")
    failed = serializers.IntegerField(source="failed_count")
    error = serializers.IntegerField(source="error_count")


class EvaluationSerializer(serializers.ModelSerializer):
    """What a version of a suite came to over the rows from `start` to before `end`."""

    suite = serializers.CharField(source="suite.name")
    version = serializers.IntegerField(source="version.number")
    layer = serializers.ChoiceField(LAYERS, source="version.layer")
    severity = serializers.ChoiceField(SEVERITIES, source="version.severity")
    verdict = serializers.ChoiceField(VERDICTS)
    counts = ResultCountsSerializer(source="*")

    class Meta:
        model = SuiteEvaluation
        fields = [
            "id", "suite", "version", "layer", "severity", "run", "start", "end", "verdict", "counts", "rows",
            "seconds", "evaluated_at",
        ]  # fmt: skip


@extend_schema_field({})
class AnyField(serializers.ReadOnlyField):
    """Whatever JSON the expectation observed."""


class ExpectationResultSerializer(serializers.ModelSerializer):
    """What became of one expectation."""

    arguments = serializers.DictField()
    verdict = serializers.ChoiceField(VERDICTS)
    observed = AnyField()
    samples = serializers.ListField(child=serializers.DictField(), help_text="The first rows that break it.")

    class Meta:
        model = ExpectationResult
        fields = ["position", "type", "arguments", "verdict", "observed", "unexpected", "samples", "message"]


class EvaluationDetailSerializer(EvaluationSerializer):
    results = ExpectationResultSerializer(many=True)

    class Meta(EvaluationSerializer.Meta):
        fields = [*EvaluationSerializer.Meta.fields, "results"]


class PastResultSerializer(ExpectationResultSerializer):
    """What became of an expectation in one evaluation."""

    evaluation = serializers.IntegerField(source="evaluation_id")
    version = serializers.IntegerField(source="evaluation.version.number")
    end = serializers.DateTimeField(source="evaluation.end")
    evaluated_at = serializers.DateTimeField(source="evaluation.evaluated_at")

    class Meta(ExpectationResultSerializer.Meta):
        fields = ["evaluation", "version", "end", "evaluated_at", "verdict", "observed", "unexpected", "message"]


class EvaluationQuerySerializer(StrictSerializer):
    suite = serializers.SlugField(max_length=50, required=False)
    verdict = serializers.ChoiceField(VERDICTS, required=False)
    run = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)


class PassRateQuerySerializer(StrictSerializer):
    days = serializers.IntegerField(default=30, min_value=1, max_value=366, help_text="Today and those before it.")


class PassRateSerializer(serializers.Serializer):
    """Expectations of a layer that were evaluated on a day (UTC)."""

    day = serializers.DateField()
    layer = serializers.ChoiceField(LAYERS)
    passed = serializers.IntegerField()
    evaluated = serializers.IntegerField(help_text="Those that passed, failed or met an error.")
    empty = serializers.IntegerField(help_text="Those that had no row to look at, which is neither.")
    rate = serializers.FloatField(allow_null=True, help_text="passed / evaluated; null where none was evaluated.")


class PassRatesSerializer(serializers.Serializer):
    days = PassRateSerializer(many=True)


class ExpectationArgumentSerializer(serializers.Serializer):
    name = serializers.CharField()
    required = serializers.BooleanField()
    meaning = serializers.CharField()


class ExpectationTypeSerializer(serializers.Serializer):
    """An expectation that a suite may have."""

    type = serializers.CharField()
    meaning = serializers.CharField()
    arguments = ExpectationArgumentSerializer(many=True)


class ColumnSerializer(serializers.Serializer):
    name = serializers.CharField()
    kind = serializers.CharField()


class LayerColumnsSerializer(serializers.Serializer):
    layer = serializers.ChoiceField(LAYERS)
    columns = ColumnSerializer(many=True)


class QualityVocabularySerializer(serializers.Serializer):
    """What suites may say: types with their arguments, the columns of each layer, and what drift knows."""

    types = ExpectationTypeSerializer(many=True)
    drift = ExpectationTypeSerializer(many=True)
    columns = LayerColumnsSerializer(many=True)


def values_of(told: dict[str, Any]) -> dict[str, Any]:
    """What a suite is to say, in what a body says."""
    return {field: told[field] for field in ("layer", "severity", "expectations")}
