"""Which control plane the command speaks to, and as whom: this folder's stack, or the one `penstock login` noted."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from cli.embedded import ports, state
from cli.embedded.errors import StackError
from cli.embedded.home import Home, read_json, write_json


@dataclass(frozen=True)
class Login:
    """Base address without a slash at its end, and a bearer token."""

    url: str
    token: str

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v1"


def find(home: Path | None) -> Login:
    """The stack of `home` when it is named or up, else PENSTOCK_URL and PENSTOCK_TOKEN, else the noted login.

    Raises StackError when there is none of them.
    """
    place = Home.locate(home)
    if home is not None or state.is_up(place):
        return of_stack(place)
    if (url := os.environ.get("PENSTOCK_URL")) and (token := os.environ.get("PENSTOCK_TOKEN")):
        return Login(url.rstrip("/"), token)
    if noted := read_json(_file()):
        return Login(str(noted.get("url")), str(noted.get("token")))
    raise StackError(f"the stack in {place.root} is not up", "start it with: penstock up; or: penstock login URL")


def of_stack(home: Home) -> Login:
    """The stack of this folder, with the token that was generated for the command."""
    chosen = ports.load(home)
    if chosen is None or not state.is_up(home):
        raise StackError(f"the stack in {home.root} is not up", "start it with: penstock up")
    return Login(console_url(chosen), home.generated_secrets()["cli_token"])


def is_noted() -> bool:
    """Whether another control plane than this folder's is meant: by the environment, or by `penstock login`."""
    return bool(os.environ.get("PENSTOCK_URL")) or _file().exists()


def console_url(chosen: ports.Ports) -> str:
    return f"http://{ports.HOST}:{chosen.web}"


def note(login: Login) -> Path:
    """Keep a login for the next commands, readable by its owner alone."""
    path = _file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"cannot write {path.parent}: {error.strerror}") from error
    write_json(path, asdict(login), mode=0o600)
    return path


def forget() -> Login | None:
    """Take the noted login away, and give it back so that its token can be revoked."""
    path = _file()
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        noted = None
    path.unlink(missing_ok=True)
    return Login(**noted) if noted else None


def _file() -> Path:
    return Path(typer.get_app_dir("penstock")) / "login.json"
