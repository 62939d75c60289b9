"""Stands where the driver does, for tests of who starts and ends it: holds the checkpoint until it is told to end."""

import fcntl
import json
import os
import signal
import sys
from pathlib import Path

arguments = json.loads(Path(sys.argv[1]).read_text())
lock = (Path(arguments["checkpoint"]) / "driver.lock").open("a+")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.truncate(0)
json.dump({"run_tag": arguments["run_tag"], "pid": os.getpid(), "started": 0}, lock)
lock.flush()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pause()
