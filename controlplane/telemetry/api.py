"""The overview, the series, and the simulator of a pipeline."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.fields import MomentField
from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView
from controlplane.ledger.api.accounts import AccountsSerializer
from controlplane.pipelines.selectors import pipeline_named
from controlplane.streaming.states import Desired, Observed
from controlplane.telemetry.metrics import Kind, Metric
from controlplane.telemetry.protocol import snapshot_of
from controlplane.telemetry.selectors import overview, series, simulator
from controlplane.telemetry.services import simulator_desire
from controlplane.telemetry.states import Severity, SimulatorDesired, SimulatorObserved
from controlplane.warehouse.api import LoadLatencySerializer

METRICS = [item.value for item in Metric]
KINDS = [item.value for item in Kind]
SEVERITIES = [item.value for item in Severity]
SIMULATOR_OBSERVED = [item.value for item in SimulatorObserved]


def _seconds(help_text: str = "Seconds since the epoch.") -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


# The overview ------------------------------------------------------------------------------------------------------


class LagSerializer(serializers.Serializer):
    """Readings that ingest has not read; null where the broker does not say."""

    total = serializers.IntegerField(allow_null=True)
    partitions = serializers.DictField(child=serializers.IntegerField(allow_null=True))


class LatencySerializer(serializers.Serializer):
    """Seconds from event to warehouse row, over the loads of the last 5 minutes."""

    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class DeadLettersSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    by_reason = serializers.DictField(child=serializers.IntegerField())


class LastBatchSerializer(serializers.Serializer):
    batch = serializers.IntegerField()
    rows_in = serializers.IntegerField()
    seconds = serializers.FloatField()
    at = serializers.FloatField(help_text="Seconds since the epoch.")


class LastBatchesSerializer(serializers.Serializer):
    ingest = LastBatchSerializer(allow_null=True)
    refine = LastBatchSerializer(allow_null=True)
    aggregate = LastBatchSerializer(allow_null=True)


class LastLoadSerializer(serializers.Serializer):
    at = serializers.FloatField(help_text="Seconds since the epoch.")
    seconds = serializers.FloatField(allow_null=True)
    windows = serializers.IntegerField()
    latency = LoadLatencySerializer(
        allow_null=True, help_text="Of the readings that this load brought; null when it brought none."
    )


class RatesSerializer(serializers.Serializer):
    """Readings per second over the last 30 s; null while no driver runs."""

    ingested = serializers.FloatField(allow_null=True)
    accepted = serializers.FloatField(allow_null=True)
    dead_letters = serializers.FloatField(allow_null=True)
    silver = serializers.FloatField(allow_null=True)
    gold = serializers.FloatField(allow_null=True)
    loaded = serializers.FloatField(allow_null=True)


class FreshnessSerializer(serializers.Serializer):
    """Seconds since the last commit that brought rows; null when there was none yet."""

    bronze = serializers.FloatField(allow_null=True)
    silver = serializers.FloatField(allow_null=True)
    gold = serializers.FloatField(allow_null=True)
    warehouse = serializers.FloatField(allow_null=True)


class SimulatorCountsSerializer(serializers.Serializer):
    """What the simulators have delivered since they were started."""

    sent = serializers.IntegerField()
    normal = serializers.IntegerField()
    anomalies = serializers.IntegerField()
    malformed = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    late = serializers.IntegerField()
    failed = serializers.IntegerField()


class SimulatorSerializer(serializers.Serializer):
    desired = serializers.ChoiceField(SimulatorDesired.choices)
    observed = serializers.ChoiceField(SIMULATOR_OBSERVED)
    counts = SimulatorCountsSerializer(allow_null=True)
    at = serializers.DateTimeField(allow_null=True, help_text="Of the last report.")


class SimulatorFiguresSerializer(SimulatorSerializer):
    at = _seconds("Of the last report, in seconds since the epoch.")


class AttentionSerializer(serializers.Serializer):
    """Something that is wrong, or of which nothing is known."""

    code = serializers.CharField(help_text="Names the rule, and does not change.")
    severity = serializers.ChoiceField(SEVERITIES)
    title = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    since = serializers.FloatField(help_text="Seconds since the epoch.")


class FiguresSerializer(serializers.Serializer):
    """The whole state of a pipeline. What is not known is null, never 0."""

    pipeline = serializers.CharField()
    at = serializers.FloatField(help_text="Seconds since the epoch.")
    desired = serializers.ChoiceField(Desired.choices, allow_null=True)
    observed = serializers.ChoiceField(Observed.choices, allow_null=True)
    driver_pid = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    heartbeat_at = _seconds()
    throughput = serializers.FloatField(allow_null=True, help_text="`rates.ingested`.")
    rates = RatesSerializer()
    received = serializers.IntegerField(allow_null=True, help_text="Records in the topic, by the broker's ends.")
    lag = LagSerializer()
    latency = LatencySerializer()
    anomaly_rate = serializers.FloatField(allow_null=True, help_text="Share of Silver rows, last 5 minutes.")
    dead_letters = DeadLettersSerializer()
    accounts = AccountsSerializer()
    last_batches = LastBatchesSerializer()
    last_load = LastLoadSerializer(allow_null=True)
    freshness = FreshnessSerializer()
    simulator = SimulatorFiguresSerializer()
    attention = AttentionSerializer(many=True)


class OverviewSerializer(serializers.Serializer):
    """The state that was last published, and its number; 0 when none has been yet."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    data = FiguresSerializer()


class OverviewView(ApiView):
    @extend_schema(operation_id="overview_get", responses=OverviewSerializer)
    def get(self, request: Request, name: str) -> Response:
        """The snapshot of the topic `pipeline.<name>`, with which a gap in its messages is healed."""
        return Response(snapshot_of(overview(pipeline_named(name))))


# Series ------------------------------------------------------------------------------------------------------------


class SeriesQuerySerializer(StrictSerializer):
    metric = serializers.MultipleChoiceField(choices=METRICS, allow_empty=False, help_text="May be repeated.")

    def get_fields(self) -> dict[str, serializers.Field]:
        # `from` is no name for an attribute.
        bounds = {name: MomentField(help_text="ISO 8601 with an offset.") for name in ("from", "to")}
        return super().get_fields() | bounds


class OneSeriesSerializer(serializers.Serializer):
    metric = serializers.ChoiceField(METRICS)
    label = serializers.CharField(allow_blank=True)
    unit = serializers.CharField()
    kind = serializers.ChoiceField(KINDS)
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True), min_length=4, max_length=4),
        help_text="Start of the bucket in seconds since the epoch, mean, least, greatest; a rate has its mean alone.",
    )


class SeriesSerializer(serializers.Serializer):
    resolution_seconds = serializers.IntegerField()
    series = OneSeriesSerializer(many=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": serializers.DateTimeField(), "to": serializers.DateTimeField(), **super().get_fields()}


class SeriesView(ApiView):
    query_serializer = SeriesQuerySerializer

    @extend_schema(operation_id="series_get", responses=SeriesSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Series of the metrics asked for, in the finest resolution that gives at most 1,500 points."""
        found = series(
            pipeline=pipeline_named(name),
            metrics=[Metric(item) for item in self.query["metric"]],
            start=self.query["from"],
            end=self.query["to"],
        )
        return Response(found)


# The simulator -----------------------------------------------------------------------------------------------------


class SimulatorView(ApiView):
    @extend_schema(operation_id="simulator_get", responses=SimulatorSerializer)
    def get(self, request: Request, name: str) -> Response:
        """What the pipeline's simulators are wanted to do, and what they last told."""
        return Response(SimulatorSerializer(simulator(pipeline_named(name))).data)


class Command(ApiView):
    """Sets what is wanted, and answers before it is so."""

    desired: str

    def post(self, request: Request, name: str) -> Response:
        pipeline, desired = pipeline_named(name), SimulatorDesired(self.desired)
        simulator_desire(pipeline=pipeline, desired=desired, actor=request.user, reason=self.reason(request))
        return Response(SimulatorSerializer(simulator(pipeline)).data)


ASKED = {"request": ReasonSerializer, "responses": SimulatorSerializer}


@extend_schema_view(post=extend_schema(operation_id="simulator_start", **ASKED))
class StartView(Command):
    """Have the simulators go on, with the time that it is by then."""

    desired = SimulatorDesired.RUNNING


@extend_schema_view(post=extend_schema(operation_id="simulator_stop", **ASKED))
class StopView(Command):
    """Have the simulators pause. They go on reporting."""

    desired = SimulatorDesired.PAUSED
