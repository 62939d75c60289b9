"""How the command speaks: steps as they happen, a spinner where there is a terminal, JSON where it was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

Say = Callable[[str], None]


@contextmanager
def steps(title: str, *, stderr: bool = False) -> Iterator[Say]:
    """Yield a function that says one step. A terminal sees them above a spinner, anything else as plain lines."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        yield lambda text: typer.echo(text, err=stderr)
        return
    with console.status(escape(title)) as status:

        def say(text: str) -> None:
            if text.endswith(("starting", " MB")) or ": draining" in text:
                status.update(escape(text))
            else:
                console.print(f"[green]·[/green] {escape(text)}")
                status.update(escape(title))

        yield say


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output, and nothing else there."""
    typer.echo(json.dumps(value, indent=2, default=str))


def printable(text: str) -> str:
    """What others wrote, harmless on a terminal and in one line."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def cell(text: str) -> str:
    """What others wrote, harmless in a drawing that takes markup."""
    return escape(printable(text))
