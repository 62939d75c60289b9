"""Making pipelines and their versions."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.forms.models import model_to_dict

from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.sensors.models import SensorType

TYPE_FIELDS = [
    "name",
    "unit",
    "normal_low",
    "normal_high",
    "physical_low",
    "physical_high",
    "expected_interval_seconds",
]


@transaction.atomic
def pipeline_ensure(*, name: str, topic: str) -> Pipeline:
    """The pipeline of that name, made if need be, with a version that has the registry's present types."""
    pipeline, _ = Pipeline.objects.get_or_create(name=name, defaults={"topic": topic})
    version_ensure(pipeline=pipeline)
    return pipeline


@transaction.atomic
def version_ensure(*, pipeline: Pipeline, configuration: dict[str, Any] | None = None) -> PipelineVersion:
    """The newest version if it says just this, else the next one. Without `configuration` the newest one's is kept."""
    Pipeline.objects.select_for_update().get(pk=pipeline.pk)
    newest = pipeline.versions.first()
    types = [model_to_dict(item, TYPE_FIELDS) for item in SensorType.objects.all()]
    wanted = configuration if configuration is not None else (newest.configuration if newest else {})
    if newest and newest.sensor_types == types and newest.configuration == wanted:
        return newest
    number = newest.number + 1 if newest else 1
    return PipelineVersion.objects.create(pipeline=pipeline, number=number, configuration=wanted, sensor_types=types)
