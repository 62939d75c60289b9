"""`penstock ledger verify` and `penstock ledger show`."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console

from cli import accounts
from cli.commands.options import HomeOption, JsonOption
from cli.console import print_json
from cli.embedded import figures, state
from cli.embedded.errors import StackError
from cli.embedded.home import Home

app = typer.Typer(help="The record accounts: what went in, and where it is.", no_args_is_help=True)


@app.command()
def show(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print the accounts as the pipeline reported them."""
    _enter(home)
    _print(figures.accounts(), as_json)


@app.command()
def verify(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Recompute the accounts from Kafka, lake and warehouse, trusting no report. Exit 1 when they do not balance."""
    _enter(home)
    found = figures.verify()
    _print(found, as_json)
    if found["problems"] or not found["balanced"]:
        raise typer.Exit(1)


def _enter(home: Any) -> None:
    place = Home.locate(home)
    if not state.is_up(place):
        raise StackError(f"the stack in {place.root} is not up", "start it with: penstock up")
    figures.enter(place)


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    console.print(accounts.table(found))
    for problem in found.get("problems", ()):
        console.print(problem, style="red", markup=False)
