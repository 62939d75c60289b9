"""Make what an installation starts with: schema, administrator, pipeline, schedules, suites, topics, warehouse.

Idempotent. `--start` also wants the pipeline running: the first worker then finds the launch waiting.
"""

from __future__ import annotations

import argparse
import sys

import django
from django.core.management import call_command


def main() -> int:
    parser = argparse.ArgumentParser(prog="provision", description=__doc__)
    parser.add_argument("--start", action="store_true", help="want the pipeline running")
    options = parser.parse_args()
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("accounts_ensure")
    _provide(start=options.start)
    return 0


def _provide(*, start: bool) -> None:
    from django.conf import settings

    from controlplane.core.beat import beat_prune
    from controlplane.pipelines.models import Pipeline
    from controlplane.pipelines.services import pipeline_ensure
    from controlplane.quality.services import suites_ensure
    from controlplane.schedules.services import schedules_ensure
    from controlplane.streaming.services import job_desire, job_ensure
    from controlplane.streaming.states import Desired
    from pipeline_workers.loading import loader
    from pipeline_workers.topics import ensure_topics

    beat_prune()
    pipeline = pipeline_ensure(name="plant", topic="sensor-events")
    job_ensure(pipeline=pipeline)
    schedules_ensure(pipeline=pipeline)
    suites_ensure(pipeline=pipeline)
    place = settings.PENSTOCK
    ids = ensure_topics(place["bootstrap_servers"], pipeline.topic, place["telemetry_topic"], place["control_topic"])
    Pipeline.objects.filter(pk=pipeline.pk).update(topic_id=ids[pipeline.topic])
    loader().ensure_schema()
    if start:
        job_desire(pipeline=pipeline.name, desired=Desired.RUNNING)
    sys.stdout.write(f"pipeline {pipeline.name}, topics {', '.join(sorted(ids))}, the warehouse's schema\n")


if __name__ == "__main__":
    sys.exit(main())
