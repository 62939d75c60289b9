"""`penstock demo`."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from cli import accounts
from cli.commands.options import JsonOption
from cli.console import print_json, steps
from cli.embedded import demo as embedded_demo


def demo(
    events: Annotated[int, typer.Option("--events", min=1, help="How many readings.")] = 100_000,
    as_json: JsonOption = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the folder, with logs, lake and warehouse.")] = False,
) -> None:
    """Prove the accounts: a throw-away stack, N readings at full speed with faults among them, every one accounted for.

    Exit 0 only if every equation holds, in the ledger and in a recount from Kafka, lake and warehouse.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with steps("demo", stderr=True) as say, embedded_demo.throw_away_stack(say, keep=keep) as home:
        outcome = embedded_demo.run(home, events, say)
    if as_json:
        print_json(outcome.result)
    else:
        console = Console(highlight=False)
        console.print(accounts.table(outcome.accounts))
        rate, seconds = outcome.result["events_per_second"], outcome.result["seconds"]
        console.print(f"{events:,} readings, {seconds or '–'} s, {rate or '–'} readings/s from Kafka to the warehouse")
    for problem in outcome.problems:
        typer.echo(f"error: {problem}", err=True)
    if outcome.problems:
        raise typer.Exit(1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
