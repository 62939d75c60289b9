"""Stands where a batch or quality application does: each stage waits for the file `STAGE` in the lake, and does what it
says.

`7` has the stage succeed with so many rows, a JSON object with that as its detail, anything else has it fail with these
words. `stubborn` in the lake has it ignore that it is asked to end.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from spark_jobs.applications import ApplicationArguments, BatchArguments, QualityArguments
from spark_jobs.jobs.application import Done, Stages, serve


def stages(arguments: ApplicationArguments) -> Stages:
    lake = Path(arguments.lake)
    if (lake / "stubborn").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def stage(name: str) -> Callable[[], Done]:
        def do() -> Done:
            print(f"{name} of run {arguments.run} waits, pid {os.getpid()}", flush=True)
            while not (lake / name).exists():
                time.sleep(0.02)
            told = (lake / name).read_text()
            if told.startswith("{"):
                return Done(7, 7, json.loads(told))
            if not told.isdigit():
                raise RuntimeError(told)
            return Done(int(told), int(told), {"duplicates": 0})

        return do

    return {name: stage(name) for name in arguments.stages}


if __name__ == "__main__":
    is_batch = "first_day" in json.loads(Path(sys.argv[1]).read_text())
    sys.exit(serve(sys.argv, BatchArguments if is_batch else QualityArguments, "", stages))
