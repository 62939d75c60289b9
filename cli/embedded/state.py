"""stack.json: what the supervisor says of the stack; and stack.lock, which a living supervisor holds."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from cli.embedded.errors import StackError
from cli.embedded.home import Home, read_json, write_json
from cli.embedded.processes import Identity

STARTING, RUNNING, DEGRADED, STOPPING, STOPPED, FAILED = (
    "starting",
    "running",
    "degraded",
    "stopping",
    "stopped",
    "failed",
)
KEPT_STEPS = 60


@dataclass
class ServiceState:
    """What the supervisor knows of one service: starting, running, restarting, finished, failed or stopped."""

    name: str
    state: str
    pid: int | None = None
    started: float | None = None
    restarts: int = 0
    reason: str = ""

    @property
    def identity(self) -> Identity | None:
        return Identity(self.pid, self.started) if self.pid and self.started else None


@dataclass
class StackState:
    """The whole of stack.json. `steps` is what was told to whoever waits, oldest first; `told` counts all of them."""

    state: str = STOPPED
    pid: int | None = None
    started: float | None = None
    since: float = field(default_factory=time.time)
    reason: str = ""
    services: dict[str, ServiceState] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    told: int = 0

    @property
    def identity(self) -> Identity | None:
        return Identity(self.pid, self.started) if self.pid and self.started else None

    def tell(self, step: str) -> None:
        self.steps = [*self.steps, step][-KEPT_STEPS:]
        self.told += 1

    def steps_after(self, told: int) -> list[str]:
        """The steps that came after the first `told` of them, as far as they are kept."""
        return self.steps[max(0, len(self.steps) - (self.told - told)) :] if self.told > told else []

    def save(self, home: Home) -> None:
        write_json(home.state, asdict(self))


def load(home: Home) -> StackState:
    """The last word of the last supervisor. A supervisor that died without one leaves `failed`, never `running`."""
    raw = read_json(home.state)
    try:
        services = {name: ServiceState(**item) for name, item in raw.pop("services", {}).items()}
        found = StackState(**raw, services=services)
    except (TypeError, AttributeError) as error:
        raise StackError(f"cannot read {home.state}: {error}", "start anew with: penstock reset") from error
    if found.state in (STARTING, RUNNING, DEGRADED, STOPPING) and not (found.identity and found.identity.alive):
        found.state, found.reason = FAILED, "the supervisor is gone; `penstock up` cleans up and starts again"
    return found


def is_up(home: Home) -> bool:
    """Whether a supervisor holds the lock. The kernel lets it go with the process, however that ends."""
    try:
        with home.lock.open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        raise StackError(f"cannot read {home.lock}: {error.strerror}") from error
    return False


@contextmanager
def held(home: Home) -> Iterator[None]:
    """Hold the lock: one supervisor a folder."""
    try:
        with home.lock.open("a") as handle:
            os.set_inheritable(handle.fileno(), False)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(f"a stack is up already in {home.root}", "see: penstock status") from None
            yield
    except OSError as error:
        raise StackError(f"cannot write {home.lock}: {error.strerror}") from error
