"""The maintenance application: files of the lake compacted, expired, removed. Without Spark, beside a running stream.

`python -m spark_jobs.jobs.maintenance ARGUMENTS`. Exit codes as of every application (application.py). Each stage may
be killed and done again: what it has committed stays, the rest is done then.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spark_jobs.applications import TEMPORARY, MaintenanceArguments, StageName
from spark_jobs.jobs.application import Done, Stages, serve
from spark_jobs.jobs.compacting import compact_lake
from spark_jobs.jobs.expiring import Expiring
from spark_jobs.jobs.telemetry import Publisher
from spark_jobs.jobs.vacuuming import vacuum_lake

LOCK = "maintenance.lock"


def stages(arguments: MaintenanceArguments) -> Stages:
    def expire() -> Done:
        publisher = Publisher(arguments.bootstrap_servers, arguments.telemetry_topic)
        return Expiring(arguments, publisher, Path(arguments.workspace) / TEMPORARY).expire()

    return {
        StageName.COMPACT: _alone(arguments.lake, lambda: compact_lake(arguments.lake)),
        StageName.EXPIRE: _alone(arguments.lake, expire),
        StageName.VACUUM: _alone(
            arguments.lake, lambda: vacuum_lake(arguments.lake, arguments.pipeline, arguments.vacuum_hours)
        ),
    }


def _alone(lake: str, stage: Callable[[], Done]) -> Callable[[], Done]:
    def do() -> Done:
        with hold_lake(lake):
            return stage()

    return do


@contextmanager
def hold_lake(lake: str) -> Iterator[None]:
    """Hold the lake against a second maintenance, which would count what this one deletes. Raises RuntimeError.

    A lake elsewhere than on a file system has no such lock: there the control plane starts one at a time, and of two
    expiries with one number Delta refuses the second.
    """
    if "://" in lake:
        yield
        return
    Path(lake).mkdir(parents=True, exist_ok=True)
    with (Path(lake) / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RuntimeError(f"another maintenance application works on {lake}") from error
        yield


def main(argv: list[str]) -> int:
    return serve(argv, MaintenanceArguments, __doc__ or "", stages)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
