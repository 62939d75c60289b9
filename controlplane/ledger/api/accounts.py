"""The accounts of a pipeline, in total and by hour, and their entries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.parsing import StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.ledger.models import LedgerEntry
from controlplane.ledger.selectors import HourAccounts, accounts, accounts_by_hour, as_dict
from controlplane.pipelines.selectors import pipeline_named
from spark_jobs.contracts import Measure

MEASURES = [item.value for item in Measure]


class EntrySerializer(serializers.ModelSerializer):
    hour = serializers.SerializerMethodField(help_text="Its start.")
    measure = serializers.ChoiceField(MEASURES)

    class Meta:
        model = LedgerEntry
        fields = ["query", "generation", "batch", "hour", "measure", "detail", "count", "recorded_at"]

    def get_hour(self, entry: LedgerEntry) -> datetime:
        return datetime.fromtimestamp(entry.hour, UTC)


class EntryQuerySerializer(StrictSerializer):
    measure = serializers.ChoiceField(MEASURES, required=False)


@extend_schema_view(get=extend_schema(operation_id="ledger_entries_list"))
class EntryList(ListView):
    """What batches and loads counted, by hour; newest first."""

    query_serializer = EntryQuerySerializer
    serializer_class = EntrySerializer
    queryset = LedgerEntry.objects.all()

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        return LedgerEntry.objects.filter(pipeline=pipeline_named(self.kwargs["name"]), **self.query)


class PendingSerializer(serializers.Serializer):
    """What a layer has that the next one has not taken in yet."""

    bronze = serializers.IntegerField()
    silver = serializers.IntegerField()
    gold = serializers.IntegerField()


class EquationSerializer(serializers.Serializer):
    """left = right + pending."""

    name = serializers.CharField()
    left = serializers.IntegerField()
    right = serializers.IntegerField()
    pending = serializers.IntegerField()
    holds = serializers.BooleanField()


class AccountsSerializer(serializers.Serializer):
    kafka = serializers.IntegerField()
    accepted = serializers.IntegerField()
    dead_letters = serializers.IntegerField(help_text="All that ever were, the expired ones among them.")
    # The default is of recounts that were kept before there was any retention.
    expired = serializers.IntegerField(default=0, help_text="Dead letters that retention took from Bronze.")
    refined = serializers.IntegerField()
    silver = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    deferred = serializers.IntegerField()
    aggregated = serializers.IntegerField()
    gold_readings = serializers.IntegerField()
    warehouse_readings = serializers.IntegerField()
    anomalies = serializers.IntegerField()
    pending = PendingSerializer()
    equations = EquationSerializer(many=True)
    balanced = serializers.BooleanField()


class AccountsView(ApiView):
    @extend_schema(operation_id="ledger_get", responses=AccountsSerializer)
    def get(self, request: Request, name: str) -> Response:
        """The accounts as they were reported."""
        return Response(AccountsSerializer(accounts(name)).data)


class HourSerializer(serializers.Serializer):
    """One hour. The first two equations and the last are of what arrived in it, the others of what was measured."""

    hour = serializers.DateTimeField(help_text="Its start.")
    equations = EquationSerializer(many=True)
    balanced = serializers.BooleanField()


class HoursSerializer(serializers.Serializer):
    hours = HourSerializer(many=True)


class HoursQuerySerializer(StrictSerializer):
    since = serializers.DateTimeField(required=False, help_text="Its hour is the first; 24 before `until` by itself.")
    until = serializers.DateTimeField(required=False, help_text="Hours before it; the newest of all by itself.")


class HoursView(ApiView):
    query_serializer = HoursQuerySerializer

    @extend_schema(operation_id="ledger_hours_get", parameters=[HoursQuerySerializer], responses=HoursSerializer)
    def get(self, request: Request, name: str) -> Response:
        """The accounts as they were reported, hour by hour, newest first; hours in which nothing was are left out."""
        found = accounts_by_hour(pipeline_named(name), **self.query)
        return Response(HoursSerializer({"hours": [_hour(item) for item in found]}).data)


def _hour(item: HourAccounts) -> dict[str, Any]:
    return {"hour": item.hour, "equations": [as_dict(it) for it in item.equations], "balanced": item.balanced}
