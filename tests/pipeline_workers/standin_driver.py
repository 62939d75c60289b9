"""Stands where the driver does, for tests of who starts and ends it: holds the checkpoint until it is told to end.

STANDIN=stubborn has it ignore that, STANDIN=refuse end at once; it starts a child, as the driver starts a JVM.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from spark_jobs.contracts import Farewell, farewell_file

arguments = json.loads(Path(sys.argv[1]).read_text())


def leave(words: str) -> None:
    told = Farewell(run_tag=arguments["run_tag"], pid=os.getpid(), words=words)
    farewell_file(sys.argv[1]).write_text(told.to_json())


def drain(_: int, __: FrameType | None) -> None:
    child.kill()
    leave("drained")
    sys.exit(0)


if os.environ.get("STANDIN") == "refuse":
    leave("the topic was made anew")
    sys.exit(4)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
signal.signal(signal.SIGTERM, drain)
if os.environ.get("STANDIN") == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = (Path(arguments["checkpoint"]) / "driver.lock").open("a+")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.truncate(0)
json.dump({"run_tag": arguments["run_tag"], "pid": os.getpid(), "started": 0}, lock)
lock.flush()
while True:
    signal.pause()
