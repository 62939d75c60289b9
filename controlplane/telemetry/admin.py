"""What telemetry left, to be looked at."""

from django.contrib import admin

from controlplane.core.admin import ReadOnlyAdmin
from controlplane.telemetry.models import ConsumedOffset, LiveState, Rollup, SimulatorControl, SimulatorState


@admin.register(ConsumedOffset)
class ConsumedOffsetAdmin(ReadOnlyAdmin):
    list_display = ["topic", "partition", "next_offset"]


@admin.register(Rollup)
class RollupAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "metric", "label", "resolution", "bucket", "sum", "weight", "least", "greatest"]
    list_filter = ["metric", "resolution"]
    list_select_related = ["pipeline"]


@admin.register(LiveState)
class LiveStateAdmin(ReadOnlyAdmin):
    list_display = ["topic", "seq", "at"]


@admin.register(SimulatorState)
class SimulatorStateAdmin(ReadOnlyAdmin):
    list_display = ["simulator", "pipeline", "activity", "counts", "at"]


@admin.register(SimulatorControl)
class SimulatorControlAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "desired", "changed_at", "told_at"]
    list_select_related = ["pipeline"]
