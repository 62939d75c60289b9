"""Starts the services in order, restarts what dies, stops all of them. One process, one thread."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from cli.embedded import state, strays
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.processes import Identity
from cli.embedded.running import Running
from cli.embedded.service import Service
from cli.embedded.state import ServiceState, StackState

TICK_SECONDS = 0.25
BACKOFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
HEALTHY_AFTER_SECONDS = 60.0  # one that lived that long starts to count its deaths anew


class Supervisor:
    """Keeps a set of services. What it does stands in stack.json at every moment."""

    def __init__(self, home: Home, backoff: Sequence[float] = BACKOFF_SECONDS) -> None:
        self.home = home
        self.state = StackState(state=state.STARTING)
        self._backoff = tuple(backoff)
        self._running: dict[str, Running] = {}
        self._due: dict[str, tuple[float, Service, Mapping[str, str]]] = {}
        self._env: dict[str, Mapping[str, str]] = {}
        self._deaths: dict[str, int] = {}
        self._stop = False
        me = Identity.of(os.getpid())
        self.state.pid, self.state.started = os.getpid(), me.started if me else time.time()

    def listen(self) -> None:
        """Take SIGTERM, SIGINT and SIGHUP as the wish to stop."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True

    @property
    def stopping(self) -> bool:
        return self._stop

    def tell(self, step: str) -> None:
        """Say what happens, to the log and to whoever follows stack.json."""
        print(step, flush=True)  # noqa: T201 - standard output is supervisor.log
        self.state.tell(step)
        self.save()

    def save(self) -> None:
        self.state.save(self.home)

    # Starting ---------------------------------------------------------------------------------------------------

    def start(self, services: Sequence[Service], env: Mapping[str, str]) -> None:
        """Start a stage: all at once, then wait for each. Returns early when asked to stop."""
        for service in services:
            if self._stop:
                return
            self._spawn(service, env)
        for service in services:
            running, began = self._running[service.name], time.monotonic()
            if not running.wait_ready(lambda: self._stop):
                return
            self._mark(service.name, "running")
            self.tell(f"{service.name}: ready (pid {running.pid}, {time.monotonic() - began:.1f} s)")

    def run_once(self, name: str, argv: Sequence[str], env: Mapping[str, str], seconds: float) -> None:
        """Run a command to its end; StackError with its last line when that is not exit 0."""
        if self._stop:
            return
        service = Service(name=name, argv=tuple(argv), env=env, ready=lambda _: True)
        began, running = time.monotonic(), Running(service, self.home, {})
        try:
            while (code := running.exit_code()) is None:
                if self._stop:
                    return
                if time.monotonic() - began > seconds:
                    raise StackError(f"{name} did not end in {seconds:.0f} s: {running.last_words()}", str(running.log))
                time.sleep(0.05)
            if code != 0:
                raise StackError(f"{name} failed with {code}: {running.last_words()}", str(running.log))
        finally:
            running.stop(grace=5)
        self.tell(f"{name}: done ({time.monotonic() - began:.1f} s)")

    def _spawn(self, service: Service, env: Mapping[str, str]) -> None:
        running = Running(service, self.home, env)
        self._running[service.name], self._env[service.name] = running, env
        before = self.state.services.get(service.name)
        self.state.services[service.name] = ServiceState(
            name=service.name,
            state="starting",
            pid=running.identity.pid,
            started=running.identity.started,
            restarts=before.restarts if before else 0,
        )
        self.save()  # at once: a kill -9 in the next moment leaves a process that the next `up` must know

    def _mark(self, name: str, word: str, reason: str = "") -> None:
        self.state.services[name].state, self.state.services[name].reason = word, reason
        self.save()

    # Watching ---------------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Until asked to stop: restart what dies, later each time, and give up on what does not stay."""
        self.state.state = state.RUNNING
        self.save()
        while not self._stop:
            for name in list(self._running):
                if (code := self._running[name].exit_code()) is not None:
                    self._ended(name, code)
            for name, (due, service, env) in list(self._due.items()):
                if time.monotonic() >= due:
                    del self._due[name]
                    self._spawn(service, env)
            self._notice_ready()
            time.sleep(TICK_SECONDS)

    def _ended(self, name: str, code: int) -> None:
        running = self._running.pop(name)
        running.stop()  # what it left in its group
        if code == 0 and running.service.may_finish:
            self._mark(name, "finished")
            self.tell(f"{name}: finished")
            return
        if time.monotonic() - running.began > HEALTHY_AFTER_SECONDS:
            self._deaths[name] = 0
        deaths = self._deaths[name] = self._deaths.get(name, 0) + 1
        cause = f"signal {-code}" if code < 0 else f"exit {code}"
        if deaths > len(self._backoff):
            self.state.state = state.DEGRADED
            self.state.reason = f"{name} ended {deaths} times; given up"
            self._mark(name, "failed", f"{cause}: {running.last_words()}")
            self.tell(f"{name}: ended {deaths} times ({cause}), given up: {running.last_words()}")
            return
        pause = self._backoff[deaths - 1]
        self.state.services[name].restarts += 1
        self._mark(name, "restarting", cause)
        self._due[name] = (time.monotonic() + pause, running.service, self._env[name])
        self.tell(f"{name}: ended ({cause}), starting again in {pause:g} s")

    def _notice_ready(self) -> None:
        for name, running in self._running.items():
            if self.state.services[name].state == "starting" and running.ready():
                self._mark(name, "running")
                self.tell(f"{name}: ready again (pid {running.pid})")

    # Stopping ---------------------------------------------------------------------------------------------------

    def stop(self, before_driver: Sequence[str], after_driver: Sequence[str]) -> None:
        """Stop all: first those who could launch the driver again, then the driver, then what it needed to drain."""
        self.state.state = state.STOPPING
        self._due.clear()
        self.save()
        for name in [*before_driver, *(set(self._running) - {*before_driver, *after_driver})]:
            self._stop_one(name)
        strays.stop_jobs(self.home, self.tell)
        for name in after_driver:
            self._stop_one(name)

    def _stop_one(self, name: str) -> None:
        running = self._running.pop(name, None)
        if running is None:
            return
        began = time.monotonic()
        running.stop()
        self._mark(name, "stopped")
        self.tell(f"{name}: stopped ({time.monotonic() - began:.1f} s)")

    def finished(self, error: StackError | None) -> None:
        """The last word."""
        self.state.state = state.FAILED if error else state.STOPPED
        self.state.reason = str(error) if error else ""
        for item in self.state.services.values():
            item.pid = item.started = None
        self.save()
