"""`penstock logs`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import HomeOption
from cli.embedded.errors import StackError
from cli.embedded.home import Home

TAIL_BYTES = 64 * 1024


def logs(
    name: Annotated[str, typer.Argument(help="postgres, redis, kafka, worker, beat, web, collector, simulator, ...")],
    home: HomeOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it grows.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of the end.")] = 200,
) -> None:
    """Print the end of a process's log."""
    place = Home.locate(home)
    path = _find(place, name)
    handle = path.open("rb")
    size = handle.seek(0, os.SEEK_END)
    handle.seek(max(0, size - TAIL_BYTES))
    tail = handle.read().decode(errors="replace").splitlines()
    for line in tail[max(0, len(tail) - lines) :]:
        typer.echo(line)
    while follow:
        if chunk := handle.read():
            typer.echo(chunk.decode(errors="replace"), nl=False)
        elif path.exists() and path.stat().st_ino != os.fstat(handle.fileno()).st_ino:
            handle.close()  # the log was put aside at a restart
            handle = path.open("rb")
        else:
            time.sleep(0.3)
    handle.close()


def _find(home: Home, name: str) -> Path:
    known = sorted(path.stem for path in home.logs.glob("*.log")) if home.logs.is_dir() else []
    if name not in known:
        raise StackError(f"there is no log of {name}", f"there are: {', '.join(known)}" if known else "nothing ran yet")
    return home.logs / f"{name}.log"
