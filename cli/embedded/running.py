"""One running service: started, waited for, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.embedded import processes
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.processes import Identity
from cli.embedded.service import Service

LOG_BYTES = 20_000_000
MARKER = "PENSTOCK_SERVICE"  # in the environment of each process of a stack, by which strays are found


class Running:
    """A service's process. Make it in the main thread only, see processes.spawn."""

    def __init__(self, service: Service, home: Home, env: Mapping[str, str]) -> None:
        self.service = service
        self.log = home.logs / f"{service.name}.log"
        _rotate(self.log)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self.began = time.monotonic()
        self._process: subprocess.Popen[bytes] = processes.spawn(
            service.argv,
            log=self.log,
            env={**os.environ, **env, **service.env, MARKER: service.name, "PENSTOCK_HOME": str(home.root)},
            cwd=service.cwd or home.root,
            death_signal=service.death_signal,
            user=service.user,
        )
        self.identity = Identity.of(self._process.pid) or Identity(self._process.pid, time.time())

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code once it has ended, else None."""
        return self._process.poll()

    def wait_ready(self, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Wait for readiness; False when `stopping` said so first. StackError when it ended or took too long."""
        until = time.monotonic() + self.service.ready_seconds
        while not stopping():
            if (code := self.exit_code()) is not None:
                raise StackError(
                    f"{self.service.name} ended with {code} at its start: {self.last_words()}", str(self.log)
                )
            if self.ready():
                return True
            if time.monotonic() > until:
                raise StackError(
                    f"{self.service.name} was not ready in {self.service.ready_seconds:.0f} s: {self.last_words()}",
                    str(self.log),
                )
            time.sleep(0.15)
        return False

    def stop(self, grace: float | None = None) -> None:
        """Ask it to end, kill it when it does not, and sweep what it left in its group."""
        if self.exit_code() is None:
            try:
                self._process.send_signal(self.service.stop_signal)
                self._process.wait(self.service.grace if grace is None else grace)
            except subprocess.TimeoutExpired:
                processes.signal_group(self.pid, signal.SIGKILL)
                self._process.wait()
        processes.signal_group(self.pid, signal.SIGKILL)

    def ready(self) -> bool:
        """Whether it does its work."""
        return self.service.ready(self)

    def wrote(self, text: str) -> bool:
        """Whether the text stands in what it logged since this start."""
        try:
            with self.log.open("rb") as handle:
                handle.seek(self._log_start)
                return text.encode() in handle.read()
        except OSError:
            return False

    def last_words(self) -> str:
        """The last line it wrote since this start."""
        try:
            with self.log.open("rb") as handle:
                size = handle.seek(0, os.SEEK_END)
                handle.seek(max(self._log_start, size - 8192))
                lines = handle.read().decode(errors="replace").splitlines()
        except OSError:
            lines = []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")


@contextmanager
def running(service: Service, home: Home, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A service for as long as the block lasts."""
    started = Running(service, home, env or {})
    try:
        started.wait_ready()
        yield started
    finally:
        started.stop()


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
