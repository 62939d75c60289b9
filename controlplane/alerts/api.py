"""Incidents, open and cleared."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from controlplane.alerts.models import Incident
from controlplane.alerts.states import IncidentKind
from controlplane.core.api.parsing import StrictSerializer
from controlplane.core.api.views import ListView


class IncidentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Incident
        fields = ["id", "kind", "object", "cause", "resolution", "opened_at", "cleared_at"]


class IncidentQuerySerializer(StrictSerializer):
    open = serializers.BooleanField(
        required=False, allow_null=True, help_text="Only what is open, or only what is not."
    )
    kind = serializers.ChoiceField(IncidentKind.choices, required=False)


@extend_schema_view(get=extend_schema(operation_id="incidents_list"))
class IncidentList(ListView):
    """What is or was wrong, newest first. Evidence opens and clears an incident, nobody by hand."""

    query_serializer = IncidentQuerySerializer
    serializer_class = IncidentSerializer
    queryset = Incident.objects.all()

    def get_queryset(self) -> QuerySet[Incident]:
        wanted = dict(self.query)
        is_open = wanted.pop("open", None)
        if is_open is not None:
            wanted["cleared_at__isnull"] = is_open
        return Incident.objects.filter(**wanted)
