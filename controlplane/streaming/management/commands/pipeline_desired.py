"""`pipeline_desired running|stopped`: what is wanted of a pipeline's streaming job."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.core.errors import DomainError
from controlplane.streaming.services import job_desire
from controlplane.streaming.states import Desired


class Command(BaseCommand):
    help = "Set the desired state of a pipeline's streaming job."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("desired", choices=Desired.values)
        parser.add_argument("--pipeline", default="plant")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            job = job_desire(pipeline=options["pipeline"], desired=Desired(options["desired"]))
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{job.pipeline.name}: desired {job.desired}, observed {job.observed}")
