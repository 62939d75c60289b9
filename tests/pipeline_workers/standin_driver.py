"""Stands where the driver does, for tests of who starts and ends it: holds the checkpoint until it is told to end.

STANDIN=stubborn has it ignore that; it starts a child, as the driver starts a JVM.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

arguments = json.loads(Path(sys.argv[1]).read_text())
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
signal.signal(signal.SIGTERM, lambda *_: (child.kill(), sys.exit(0)))
if os.environ.get("STANDIN") == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = (Path(arguments["checkpoint"]) / "driver.lock").open("a+")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.truncate(0)
json.dump({"run_tag": arguments["run_tag"], "pid": os.getpid(), "started": 0}, lock)
lock.flush()
while True:
    signal.pause()
