"""What `up` was asked for, handed from the command to the supervisor's process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Options:
    """It stands on a command line, so nothing secret is in it."""

    simulator: bool = True
    simulator_options: tuple[str, ...] = ()
    ports: dict[str, int | None] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        raw = json.loads(text)
        return cls(**{**raw, "simulator_options": tuple(raw.get("simulator_options", ()))})
