"""`penstock ledger verify` and `penstock ledger show`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from cli import accounts, login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.console import print_json, steps
from cli.embedded.errors import StackError
from cli.inquiries import answered

app = typer.Typer(help="The record accounts: what went in, and where it is.", no_args_is_help=True)


@app.command()
def show(
    by_hour: Annotated[bool, typer.Option("--by-hour", help="Hour by hour, newest first.")] = False,
    since: Annotated[str, typer.Option(help="First hour, ISO-8601; 24 before the last by itself.")] = "",
    until: Annotated[str, typer.Option(help="Hours before this time; up to the newest by itself.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the accounts as the pipeline reported them, in total or by hour."""
    client = Client(login.find(home))
    if not by_hour and (since or until):
        raise StackError("--since and --until are about hours", "give --by-hour as well")
    if not by_hour:
        _print(client.get(f"{client.pipeline}/ledger"), as_json)
        return
    told = {name: value for name, value in (("since", since), ("until", until)) if value}
    _print_hours(client.get(f"{client.pipeline}/ledger/hours", **told), as_json)


@app.command()
def verify(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Recompute the accounts from Kafka, lake and warehouse, trusting no report. Exit 1 when they do not balance."""
    client = Client(login.find(home))
    with steps("recounting Kafka, lake and warehouse", stderr=True) as say:
        found = answered(client, f"{client.pipeline}/ledger/verifications", "recount")
        say(f"recounted in {found['seconds']:.1f} s")
    result = dict(found["result"])
    _print(result, as_json)
    if result["problems"] or not result["balanced"]:
        raise typer.Exit(1)


def _print_hours(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    console.print(accounts.hours(found["hours"]) if found["hours"] else "nothing was counted in these hours")
    if found["hours"]:
        console.print("Kafka to Silver and dead letters by hour of arrival, Silver to warehouse by hour of the event")


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    console.print(accounts.table(found))
    for problem in found.get("problems", ()):
        console.print(problem, style="red", markup=False)
