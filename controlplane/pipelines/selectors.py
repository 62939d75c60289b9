"""Reading pipelines."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery

from controlplane.core.errors import NotFound
from controlplane.pipelines.configuration import SETTINGS
from controlplane.pipelines.models import Pipeline, PipelineVersion


def pipeline_named(name: str) -> Pipeline:
    """Raises NotFound."""
    found = Pipeline.objects.filter(name=name).first()
    if found is None:
        raise NotFound(f"there is no pipeline {name}")
    return found


def pipelines_described() -> QuerySet[Pipeline]:
    """Pipelines with `version` and `configuration` of their newest version."""
    newest = PipelineVersion.objects.filter(pipeline=OuterRef("pk")).order_by("-number")
    return Pipeline.objects.annotate(
        version=Subquery(newest.values("number")[:1]), configuration=Subquery(newest.values("configuration")[:1])
    )


def version_numbered(pipeline: Pipeline, number: int | None = None) -> PipelineVersion:
    """A version of a pipeline, the newest without a number. Raises NotFound."""
    versions = pipeline.versions.order_by("-number")
    found = (versions if number is None else versions.filter(number=number)).first()
    if found is None:
        raise NotFound(f"{pipeline} has no version {number or ''}".rstrip())
    return found


def watermark_of(pipeline: Pipeline) -> float:
    """Of the newest version, in minutes."""
    setting = SETTINGS["watermark_minutes"]
    return float(version_numbered(pipeline).configuration.get(setting.name, setting.default))
