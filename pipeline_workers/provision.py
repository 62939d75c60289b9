"""Make what an installation starts with: the pipeline, its topics, the warehouse's schema. Idempotent."""

from __future__ import annotations

import sys

import django


def main() -> int:
    django.setup()
    from django.conf import settings

    from controlplane.pipelines.models import Pipeline
    from controlplane.pipelines.services import pipeline_ensure
    from controlplane.streaming.services import job_ensure
    from pipeline_workers.loading import loader
    from pipeline_workers.topics import ensure_topics

    pipeline = pipeline_ensure(name="plant", topic="sensor-events")
    job_ensure(pipeline=pipeline)
    place = settings.PENSTOCK
    ids = ensure_topics(place["bootstrap_servers"], pipeline.topic, place["telemetry_topic"])
    Pipeline.objects.filter(pk=pipeline.pk).update(topic_id=ids[pipeline.topic])
    loader().ensure_schema()
    sys.stdout.write(f"pipeline {pipeline.name}, topics {', '.join(sorted(ids))}, the warehouse's schema\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
