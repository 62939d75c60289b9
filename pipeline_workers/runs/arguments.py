"""What the application of a run is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from controlplane.deadletters.services import expiry_warn
from controlplane.ledger.selectors import hour_newest
from controlplane.pipelines.configuration import SETTINGS
from controlplane.pipelines.models import Pipeline
from controlplane.quality.selectors import suites_active
from controlplane.runs.models import Application
from controlplane.runs.states import RunKind
from spark_jobs.applications import ApplicationArguments, BatchArguments, MaintenanceArguments, QualityArguments
from spark_jobs.contracts import Measure, SensorTypeSpec


def workspace_of(application: Application) -> Path:
    return Path(settings.PENSTOCK["workspaces"]) / str(application.run_id) / str(application.number)


def arguments_of(application: Application) -> ApplicationArguments:
    """By the version that the run began with, and where things are in this installation."""
    run, place = application.run, settings.PENSTOCK
    shared: dict[str, Any] = {
        "pipeline": run.pipeline.name,
        "run_tag": application.run_tag,
        "run": run.pk,
        "attempt": application.number,
        "stages": tuple(application.stages),
        "workspace": str(workspace_of(application)),
        "lake": place["lake"],
        "bootstrap_servers": place["bootstrap_servers"],
        "telemetry_topic": place["telemetry_topic"],
    }
    if run.kind == RunKind.MAINTENANCE:
        ages = {name: run.parameters[name] for name in ("bronze_days", "dead_letter_days", "vacuum_hours")}
        today = timezone.now().date()
        held = expiry_warn(pipeline=run.pipeline, today=today, days=ages["dead_letter_days"])
        kept_from = held.isoformat() if held else ""
        return MaintenanceArguments(**shared, today=today.isoformat(), dead_letters_kept_from=kept_from, **ages)
    of_spark: dict[str, Any] = {
        "suites": suites_active(run.pipeline),
        "jars": tuple(sorted(str(jar) for jar in Path(place["jars"]).glob("*.jar"))),
        "driver_memory": place["driver_memory"],
    }
    if run.kind == RunKind.QUALITY:
        end = _hours_end(run.pipeline, timezone.now())
        start = end - timedelta(hours=run.parameters["hours"])
        return QualityArguments(**shared, **of_spark, start=start.isoformat(), end=end.isoformat())
    if run.version is None or run.first_day is None or run.last_day is None:
        raise ValueError(f"{run} has no version or no days")
    known = BatchArguments.__dataclass_fields__
    tuned = {name: value for name, value in run.version.configuration.items() if name in SETTINGS and name in known}
    return BatchArguments(
        **shared,
        first_day=run.first_day.isoformat(),
        last_day=run.last_day.isoformat(),
        version=run.version.number,
        sensor_types=tuple(SensorTypeSpec(**item) for item in run.version.sensor_types),
        **of_spark,
        **tuned,
    )


def _hours_end(pipeline: Pipeline, now: datetime) -> datetime:
    """Where the newest complete hour of Gold ends: the start of the hour of the newest reading that Gold has counted.

    That hour goes on, by the readings' own clock, however late it is on ours: a stream that has stopped, or replays
    another year, is judged by the hours that it has. With nothing in Gold it is our hour, of which nothing is there.
    """
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    return min(hour_newest(pipeline, Measure.GOLD) or this_hour, this_hour)
