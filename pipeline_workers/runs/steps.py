"""What one look at a stage comes to. A stage is looked at again and again until it is done or has failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controlplane.runs.models import Run, Stage


@dataclass(frozen=True)
class Waiting:
    """Not done; `words` say what is waited for. `detail` is kept for the next look, and shown."""

    words: str = ""
    detail: dict[str, Any] | None = None


@dataclass(frozen=True)
class Done:
    rows_in: int | None = None
    rows_out: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    began: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True)
class Failed:
    """The run fails with this cause."""

    cause: str


@dataclass(frozen=True)
class Again:
    """This attempt has failed by no fault of the stage's; the next one is due."""

    cause: str


Step = Waiting | Done | Failed | Again
Look = Callable[[Run, Stage], Step]
