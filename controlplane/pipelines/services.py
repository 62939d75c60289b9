"""Making pipelines and their versions."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.forms.models import model_to_dict

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.pipelines.configuration import configuration_check
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.pipelines.selectors import pipeline_named, version_numbered
from controlplane.sensors.models import SensorType
from controlplane.sensors.services import sensor_type_set

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
    pipeline, made = Pipeline.objects.get_or_create(name=name, defaults={"topic": topic})
    if made:
        audit_record(actor=None, action="pipeline.made", object=f"pipeline/{name}", after={"topic": topic})
    version_ensure(pipeline=pipeline)
    return pipeline


@transaction.atomic
def version_ensure(
    *,
    pipeline: Pipeline,
    configuration: dict[str, Any] | None = None,
    actor: User | None = None,
    reason: str = "",
) -> PipelineVersion:
    """The newest version if it says just this, else the next one. Without `configuration` the newest one's is kept.

    Raises Invalid when the configuration is not one.
    """
    if configuration is not None:
        configuration_check(configuration)
    Pipeline.objects.select_for_update().get(pk=pipeline.pk)
    newest = pipeline.versions.first()
    types = [model_to_dict(item, TYPE_FIELDS) for item in SensorType.objects.all()]
    wanted = configuration if configuration is not None else (newest.configuration if newest else {})
    if newest and newest.sensor_types == types and newest.configuration == wanted:
        return newest
    number = newest.number + 1 if newest else 1
    made = PipelineVersion.objects.create(pipeline=pipeline, number=number, configuration=wanted, sensor_types=types)
    audit_record(
        actor=actor,
        action="pipeline.version_made",
        object=f"pipeline/{pipeline.name}",
        before=_told(newest) if newest else None,
        after=_told(made),
        reason=reason,
    )
    return made


@transaction.atomic
def version_make(
    *, pipeline: str, configuration: dict[str, Any], actor: User | None, reason: str
) -> tuple[PipelineVersion, bool]:
    """The version with this configuration, and whether it had to be made. Raises NotFound and Invalid."""
    found = pipeline_named(pipeline)
    Pipeline.objects.select_for_update().get(pk=found.pk)
    newest = found.versions.first()
    version = version_ensure(pipeline=found, configuration=configuration, actor=actor, reason=reason)
    return version, version != newest


@transaction.atomic
def version_rollback(*, pipeline: str, number: int, actor: User | None, reason: str) -> PipelineVersion:
    """A new version with an older one's configuration; the newest where that says just this. Raises NotFound.

    Sensor types stay the registry's: they are changed there, for every pipeline.
    """
    found = pipeline_named(pipeline)
    old = version_numbered(found, number)
    version = version_ensure(pipeline=found, configuration=old.configuration, actor=actor, reason=reason)
    audit_record(
        actor=actor,
        action="pipeline.rolled_back",
        object=f"pipeline/{pipeline}",
        after={"to": number, "number": version.number},
        reason=reason,
    )
    return version


@transaction.atomic
def registry_change(*, name: str, values: dict[str, Any], actor: User | None, reason: str) -> tuple[SensorType, bool]:
    """Set a sensor type, and give every pipeline a version that has it. Raises Invalid."""
    kind, made = sensor_type_set(name=name, values=values, actor=actor, reason=reason)
    for pipeline in Pipeline.objects.order_by("pk"):
        version_ensure(pipeline=pipeline, actor=actor, reason=reason)
    return kind, made


def _told(version: PipelineVersion) -> dict[str, Any]:
    types = {item["name"]: item for item in version.sensor_types}
    return {"number": version.number, "configuration": version.configuration, "sensor_types": types}
