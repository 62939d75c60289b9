"""What the benchmarks share: a stack or a broker of their own, the load they ran under, one JSON object at the end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from cli.embedded import demo, figures, jars, kafka, ports
from cli.embedded.addresses import bootstrap_servers
from cli.embedded.environment import PIPELINE
from cli.embedded.home import Home
from cli.embedded.running import running

ROOT = Path(__file__).parents[1]


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def report(result: dict[str, Any]) -> None:
    """The result, on standard output."""
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


def load_average() -> list[float]:
    return [round(value, 2) for value in os.getloadavg()]


def end_cleanly_on_signals() -> None:
    """Let SIGTERM unwind like Ctrl-C: what was started gets stopped."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


@contextlib.contextmanager
def broker(servers: str | None) -> Iterator[str]:
    """Bootstrap servers of the broker named, or of a throw-away one."""
    if servers:
        yield servers
        return
    folder = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
    try:
        home = Home(folder / ".penstock")
        home.make()
        port, controller = ports.free(2)
        with running(kafka.service(home, port, controller, jars.ensure(say).kafka), home):
            yield bootstrap_servers(port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def stack(home: Path | None, *, keep: bool = False) -> Iterator[Home]:
    """The running stack of `home`, or a throw-away one, with this process configured as one of it; driver running."""
    with contextlib.ExitStack() as owned:
        place = Home.locate(home) if home else owned.enter_context(demo.throw_away_stack(say, keep=keep))
        figures.enter(place)
        if reason := figures.wait_for_driver(180):
            raise SystemExit(f"the driver does not run: {reason}")
        yield place


@contextlib.contextmanager
def simulator(rate: float, sensors: int) -> Iterator[subprocess.Popen[bytes]]:
    """A fleet beside the stack, stopped at the end. It sends no late readings: theirs is no latency."""
    argv = [sys.executable, "-m", "pipeline_workers.simulator", "--rate", str(rate)]
    argv += ["--sensors", str(sensors), "--pipeline", PIPELINE]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for_first_readings(seconds: float) -> None:
    """Wait until a reading is in the warehouse: a driver's very first batches take long."""
    until = time.monotonic() + seconds
    while not figures.accounts()["warehouse_readings"]:
        if time.monotonic() > until:
            raise SystemExit(f"no reading was in the warehouse after {seconds:.0f} s")
        time.sleep(1)


def wait_until_settled(seconds: float, sent: int = 0) -> bool:
    """Wait until `sent` records are counted, nothing is pending and nothing lags; False when that took too long.

    After `stack`. Figures are as old as the driver's last word: before its first batch nothing lags, either.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = figures.figures()
        accounts = now["accounts"]
        if accounts["kafka"] >= sent and (now["lag"] or {}).get("total") == 0 and not any(accounts["pending"].values()):
            return True
        time.sleep(1)
    return False
