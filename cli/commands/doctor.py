"""`penstock doctor`."""

from __future__ import annotations

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli.commands.options import HomeOption, JsonOption
from cli.console import print_json
from cli.embedded.doctor import examine, report
from cli.embedded.home import Home


def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what this machine lacks for the stack, and how to get it. Exit 1 when something is missing."""
    findings = examine(Home.locate(home))
    told = report(findings)
    if as_json:
        print_json(told)
    else:
        drawn = Table(box=box.SIMPLE, pad_edge=False, show_header=False)
        for item in findings:
            mark = "[green]✓[/green]" if item.ok else "[red]✗[/red]" if item.needed else "[yellow]·[/yellow]"
            drawn.add_row(mark, item.name, item.found, "" if item.ok else item.remedy)
        Console(highlight=False).print(drawn)
    if not told["ok"]:
        raise typer.Exit(1)
