"""What the supervisor knows of a service. Each service's own module makes one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.embedded.processes import User

if TYPE_CHECKING:
    from cli.embedded.running import Running


@dataclass(frozen=True)
class Service:
    """A process to start, watch and stop.

    `ready` is asked again and again, of this start of the service, until it is true; it may raise StackError to give up
    at once. `death_signal` comes from the kernel when the supervisor dies, `stop_signal` from the supervisor, which
    kills what has not ended after `grace` seconds.
    """

    name: str
    argv: tuple[str, ...]
    ready: Callable[[Running], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready_seconds: float = 60.0
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGTERM
    grace: float = 15.0
    user: User | None = None
    may_finish: bool = False  # exit 0 is the end of its work, not a failure
