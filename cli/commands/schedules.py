"""`penstock schedules`: which runs are made when; made, changed, switched, tried."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli import login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.commands.runs import ParameterOption, PipelineOption, ReasonOption, parameters_told
from cli.console import print_json

SLOTS_SHOWN = 10
NOT_SAID = ("name", "next_due_at", "created_at", "updated_at")  # what nobody sets

app = typer.Typer(help="Schedules: which runs are made when.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the schedule.")]
CronOption = Annotated[
    str | None, typer.Option("--cron", metavar="TEXT", help="Minute, hour, day of month, month, day of week.")
]
EveryOption = Annotated[int | None, typer.Option("--every", metavar="SECONDS", help="Instead of --cron; 60 or more.")]
ZoneOption = Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="An IANA name.")]
CatchUpOption = Annotated[
    str | None, typer.Option("--catch-up", help="Of due times that passed unseen: none, latest or all.")
]
StartOption = Annotated[
    int | None, typer.Option("--start-within", min=0, metavar="MINUTES", help="After the due time; 0 is no limit.")
]
EndOption = Annotated[
    int | None, typer.Option("--end-within", min=0, metavar="MINUTES", help="After the due time; 0 is no limit.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say when it would be due, and change nothing.")]


@app.command("list")
def list_all(pipeline: PipelineOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the schedules of a pipeline."""
    client = Client(login.find(home))
    found = client.get(f"{client.path(pipeline)}/schedules", limit=200)
    if as_json:
        print_json(found)
        return
    if not found["results"]:
        typer.echo("no schedules; make one with: penstock schedules create NAME daily --cron '30 0 * * *'")
        return
    drawn = Table("schedule", "kind", "when", "next", "catch up", box=box.SIMPLE, pad_edge=False)
    for item in found["results"]:
        drawn.add_row(item["name"], item["kind"], _when(item), item["next_due_at"] or "disabled", item["catch_up"])
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def show(
    name: NameArgument, pipeline: PipelineOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Show a schedule and its newest slots."""
    client = Client(login.find(home))
    path = _path(client, pipeline, name)
    found = client.get(path)
    slots = client.get(f"{path}/slots", limit=SLOTS_SHOWN)["results"]
    if as_json:
        print_json({**found, "slots": slots})
        return
    _print(found)
    drawn = Table("due", "slot", "run", "", box=box.SIMPLE, pad_edge=False)
    for slot in slots:
        drawn.add_row(slot["due_at"], slot["state"], str(slot["run"] or "–"), slot["reason"])
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def create(
    name: NameArgument,
    kind: Annotated[str, typer.Argument(help="daily, maintenance or quality.")],
    cron: CronOption = None,
    every: EveryOption = None,
    timezone: ZoneOption = None,
    parameters: ParameterOption = None,
    catch_up: CatchUpOption = None,
    start_within: StartOption = None,
    end_within: EndOption = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Made, and not enabled yet.")] = False,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a schedule."""
    client = Client(login.find(home))
    told = _told(cron, every, timezone, parameters, catch_up, start_within, end_within)
    body = {"name": name, "kind": kind, "enabled": not disabled, "reason": reason, "dry_run": dry_run, **told}
    _answer(client.post(f"{client.path(pipeline)}/schedules", **body), dry_run, as_json)


@app.command()
def change(
    name: NameArgument,
    cron: CronOption = None,
    every: EveryOption = None,
    timezone: ZoneOption = None,
    parameters: ParameterOption = None,
    catch_up: CatchUpOption = None,
    start_within: StartOption = None,
    end_within: EndOption = None,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what is told, and leave the rest as it is."""
    client = Client(login.find(home))
    path = _path(client, pipeline, name)
    known = {field: value for field, value in client.get(path).items() if field not in NOT_SAID}
    told = _told(cron, every, timezone, None, catch_up, start_within, end_within)
    known["parameters"] |= parameters_told(parameters)
    if cron is not None and every is None:
        told["interval_seconds"] = None
    if every is not None and cron is None:
        told["cron"] = ""
    _answer(client.put(path, **known | told, reason=reason, dry_run=dry_run), dry_run, as_json)


@app.command()
def delete(
    name: NameArgument, reason: ReasonOption = "", pipeline: PipelineOption = None, home: HomeOption = None
) -> None:
    """Delete a schedule; the runs that it made stay."""
    client = Client(login.find(home))
    client.delete(_path(client, pipeline, name), reason=reason)
    typer.echo(f"schedule {name} is deleted")


@app.command()
def enable(
    name: NameArgument,
    reason: ReasonOption = "",
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have it make runs again, from its next due time on."""
    client = Client(login.find(home))
    _answer(client.post(f"{_path(client, pipeline, name)}/enable", reason=reason), False, as_json)


@app.command()
def disable(
    name: NameArgument,
    reason: ReasonOption = "",
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have it make no runs; due times meanwhile are none that it missed."""
    client = Client(login.find(home))
    _answer(client.post(f"{_path(client, pipeline, name)}/disable", reason=reason), False, as_json)


@app.command()
def run(
    name: NameArgument,
    reason: ReasonOption = "",
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a run made now as the schedule makes them."""
    client = Client(login.find(home))
    made = client.post(f"{_path(client, pipeline, name)}/run", reason=reason)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"run {made['id']} is {made['state']}; follow it with: penstock runs show {made['id']}")


@app.command("next")
def next_due(
    name: NameArgument, pipeline: PipelineOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Say when a schedule is due next, five times."""
    client = Client(login.find(home))
    _answer(client.get(f"{_path(client, pipeline, name)}/next"), True, as_json)


def _path(client: Client, pipeline: str | None, name: str) -> str:
    return f"{client.path(pipeline)}/schedules/{quote(name, safe='')}"


def _told(
    cron: str | None,
    every: int | None,
    timezone: str | None,
    parameters: list[str] | None,
    catch_up: str | None,
    start_within: int | None,
    end_within: int | None,
) -> dict[str, Any]:
    """What was told, by the API's names."""
    said: dict[str, Any] = {"cron": cron, "interval_seconds": every, "timezone": timezone, "catch_up": catch_up}
    said["parameters"] = parameters_told(parameters) or None
    told = {field: value for field, value in said.items() if value is not None}
    limits = {"start_within_minutes": start_within, "end_within_minutes": end_within}
    return told | {field: minutes or None for field, minutes in limits.items() if minutes is not None}


def _answer(found: dict[str, Any], times: bool, as_json: bool) -> None:
    """A schedule, or its due times."""
    if as_json:
        print_json(found)
    elif times:
        typer.echo("\n".join(found["next"]) or "it is disabled")
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    state = f"next at {found['next_due_at']}" if found["enabled"] else "disabled"
    typer.echo(f"{found['name']}: {found['kind']} runs, {_when(found)}, {state}")
    limits = (("start_within_minutes", "start"), ("end_within_minutes", "end"))
    said = [f"catches up {found['catch_up']}"]
    said += [f"{word} within {found[field]} min" for field, word in limits if found[field] is not None]
    typer.echo(f"  {', '.join(said)}")
    for name, value in found["parameters"].items():
        typer.echo(f"  {name} {value}")


def _when(item: dict[str, Any]) -> str:
    return f"every {item['interval_seconds']} s" if item["interval_seconds"] else f"{item['cron']} {item['timezone']}"
