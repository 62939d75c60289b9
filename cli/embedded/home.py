"""The folder of one installation: where everything lies, and its settings, config.json and secrets.json."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.embedded.errors import StackError

SECRETS = (
    *("secret_key", "postgres_admin", "postgres_penstock", "postgres_warehouse", "redis"),
    *("admin_password", "cli_token"),
)
PREFIXES = {"cli_token": "pst_"}  # a token is known as one wherever it turns up


@dataclass(frozen=True)
class Home:
    """Paths under `.penstock/`. Making one touches nothing."""

    root: Path

    @classmethod
    def locate(cls, named: Path | None = None) -> Home:
        """The folder given, else PENSTOCK_HOME, else `.penstock` of the working directory."""
        return cls(Path(named or os.environ.get("PENSTOCK_HOME") or ".penstock").expanduser().absolute())

    @property
    def config(self) -> Path:
        return self.root / "config.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def state(self) -> Path:
        return self.root / "stack.json"

    @property
    def lock(self) -> Path:
        return self.root / "stack.lock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def workspaces(self) -> Path:
        return self.root / "workspaces"

    def data(self, service: str) -> Path:
        """The folder where a service keeps its own files."""
        return self.root / service

    def make(self) -> None:
        """Make the folders; StackError when that cannot be."""
        try:
            # Others may pass, since PostgreSQL has a user of its own when root runs the stack; they may not look.
            self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
            for folder in (self.logs, self.lake, self.checkpoints, self.workspaces):
                folder.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root) as probe:
                probe.write(b"\0" * 65536)
                probe.flush()
                os.fsync(probe.fileno())
        except OSError as error:
            raise StackError(f"cannot write {self.root}: {error.strerror}") from error

    def generated_secrets(self) -> dict[str, str]:
        """This installation's secrets, made at the first call. The file is for its owner only."""
        known = read_json(self.secrets)
        if missing := [name for name in SECRETS if not known.get(name)]:
            # Hexadecimal: the values stand in URLs and in configuration files of three kinds.
            known |= {name: PREFIXES.get(name, "") + secrets.token_hex(24) for name in missing}
            write_json(self.secrets, known, mode=0o600)
        elif self.secrets.stat().st_mode & 0o077:
            self.secrets.chmod(0o600)
        return {name: str(known[name]) for name in SECRETS}


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`, empty when there is no file; StackError when it cannot be read as one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StackError(f"cannot read {path}: {error}", "mend it, or start anew with: penstock reset") from error
    if not isinstance(found, dict):
        raise StackError(f"cannot read {path}: not a JSON object", "mend it, or start anew with: penstock reset")
    return found


def write_json(path: Path, value: dict[str, Any], mode: int = 0o644) -> None:
    """Replace `path` in one step, so that no reader meets half a file."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                os.fchmod(handle.fileno(), mode)
                json.dump(value, handle, indent=2, sort_keys=True)
                handle.flush()
                os.fsync(handle.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StackError(f"cannot write {path}: {error.strerror}") from error
