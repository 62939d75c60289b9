"""`penstock runs`: started, followed, cancelled, taken up again."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli import login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.console import print_json
from cli.embedded.errors import StackError

POLL_SECONDS = 1.0
OVER = {"succeeded": 0, "failed": 1, "cancelled": 3}
ENDINGS = "Exit 0 when it succeeded, 1 when it failed, 3 when it was cancelled."

app = typer.Typer(help="Runs: daily, of maintenance and quality, and those of backfills.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(min=1, help="Number of the run.")]
PipelineOption = Annotated[str | None, typer.Option("--pipeline", help="Its name.", show_default="the only one")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; goes to the audit log.")]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help=f"Follow it to its end. {ENDINGS}")]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day, UTC.", show_default="yesterday")
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day.", show_default="the first")]
ParameterOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the run; may be repeated.")
]


@app.command("list")
def list_all(
    kind: Annotated[str | None, typer.Option(help="daily, backfill, maintenance or quality.")] = None,
    state: Annotated[str | None, typer.Option(help="Such as running, succeeded or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest runs."""
    client = Client(login.find(home))
    asked = {name: value for name, value in {"kind": kind, "state": state}.items() if value is not None}
    found = client.get(f"{client.path(pipeline)}/runs", limit=limit, **asked)
    if as_json:
        print_json(found)
        return
    if not found["results"]:
        typer.echo("no runs; start one with: penstock runs trigger daily")
        return
    drawn = Table("run", "kind", "days", "state", "stage", "took", box=box.SIMPLE, pad_edge=False)
    for run in found["results"]:
        drawn.add_row(str(run["id"]), run["kind"], days(run), run["state"], _stage(run), took(run))
    Console(highlight=False).print(drawn)


@app.command()
def show(run: NumberArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a run, its stages and their attempts."""
    found = Client(login.find(home)).get(f"runs/{run}")
    if as_json:
        print_json(found)
    else:
        _print(found)


@app.command()
def trigger(
    kind: Annotated[str, typer.Argument(help="daily, maintenance or quality.")],
    first: FromOption = None,
    last: ToOption = None,
    parameters: ParameterOption = None,
    reason: ReasonOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    follow: FollowOption = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a run."""
    client = Client(login.find(home))
    body: dict[str, Any] = {"kind": kind, "reason": reason, "dry_run": dry_run}
    body |= {name: day for name, day in {"first_day": first, "last_day": last}.items() if day is not None}
    body["parameters"] = parameters_told(parameters)
    made = client.post(f"{client.path(pipeline)}/runs", **body)
    if dry_run:
        _print_plan(made, as_json)
    else:
        end(client, made, follow, as_json)


@app.command()
def cancel(
    run: NumberArgument,
    reason: ReasonOption = "",
    follow: FollowOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a run end; it is cancelled once what runs for it is proven dead."""
    client = Client(login.find(home))
    end(client, client.post(f"runs/{run}/cancel", reason=reason), follow, as_json)


@app.command()
def retry(
    run: NumberArgument,
    reason: ReasonOption = "",
    follow: FollowOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a run up again from the stage that did not succeed."""
    client = Client(login.find(home))
    end(client, client.post(f"runs/{run}/retry", reason=reason), follow, as_json)


@app.command()
def rerun(
    run: NumberArgument,
    reason: ReasonOption = "",
    follow: FollowOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new run with the days and parameters of one that is over."""
    client = Client(login.find(home))
    end(client, client.post(f"runs/{run}/rerun", reason=reason), follow, as_json)


@app.command()
def logs(
    run: NumberArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run is over.")] = False,
    home: HomeOption = None,
) -> None:
    """Print what the run's applications wrote."""
    client, after = Client(login.find(home)), 0
    while True:
        found = client.get(f"runs/{run}/log", after=after)
        typer.echo(found["text"], nl=False)
        if found["next"] != after:
            after = found["next"]
        elif found["ended"] or not follow:
            return
        else:
            time.sleep(POLL_SECONDS)


def end(client: Client, run: dict[str, Any], follow: bool, as_json: bool) -> None:
    """Print the run, at its end if that is to be waited for, and exit by what came of it."""
    if follow:
        run = _followed(client, run["id"], quiet=as_json)
    if as_json:
        print_json(run)
    elif not follow:
        typer.echo(_line(run))
    if follow:
        raise typer.Exit(OVER[run["state"]])


def _followed(client: Client, number: int, *, quiet: bool) -> dict[str, Any]:
    """The run once it is over; until then each change is a line on stderr, so that stdout has the answer alone."""
    said: list[str] = []
    while True:
        run = client.get(f"runs/{number}")
        lines = [line for stage in run["stages"] if (line := _stage_line(stage))]
        lines.append(_line(run))
        for line in lines:
            if line not in said:
                typer.echo(line, err=quiet)
                said.append(line)
        if run["state"] in OVER:
            return run
        time.sleep(POLL_SECONDS)


def parameters_told(items: list[str] | None) -> dict[str, str | float | int]:
    """What --set says, by name. Raises StackError."""
    return dict(_parameter(item) for item in items or ())


def _parameter(text: str) -> tuple[str, str | float | int]:
    name, found, value = text.partition("=")
    if not found:
        raise StackError(f"--set {text}: NAME=VALUE is needed")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def _line(run: dict[str, Any]) -> str:
    told = f"run {run['id']} ({run['kind']}{' ' + days(run) if run['first_day'] else ''}): {run['state']}"
    words = run["waiting"] if run["state"] not in OVER else run["cause"]
    return f"{told}: {words}" if words else told


def _stage_line(stage: dict[str, Any]) -> str:
    if stage["state"] == "pending":
        return ""
    told = f"  {stage['name']}: {stage['state']}"
    if stage["state"] == "succeeded":
        ways = (("rows_in", "in"), ("rows_out", "out"))
        counted = [f"{stage[name]:,} rows {way}" for name, way in ways if stage[name]]
        told += f" in {took(stage)}{', ' + ', '.join(counted) if counted else ''}"
    return f"{told}: {stage['cause']}" if stage["cause"] else told


def _print(run: dict[str, Any]) -> None:
    typer.echo(_line(run))
    who = run["requested_by"] or run["trigger"]
    typer.echo(f"  by {who}, {run['created_at']}{': ' + run['reason'] if run['reason'] else ''}")
    drawn = Table("stage", "state", "attempts", "rows in", "rows out", "took", "", box=box.SIMPLE, pad_edge=False)
    for stage in run["stages"]:
        rows = ("–" if stage[name] is None else f"{stage[name]:,}" for name in ("rows_in", "rows_out"))
        more = stage["cause"] or ", ".join(f"{name} {value}" for name, value in stage["detail"].items())
        drawn.add_row(stage["name"], stage["state"], str(len(stage["attempts"])), *rows, took(stage), more)
    Console(highlight=False, markup=False).print(drawn)


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
    else:
        over = f" over {days(plan)}" if plan["first_day"] else ""
        typer.echo(f"{plan['kind']} run{over}: {', '.join(plan['stages'])}")
        for name, value in plan["parameters"].items():
            typer.echo(f"  {name} {value}")
        typer.echo(f"refused as things are: {plan['hindered_by']}" if plan["hindered_by"] else "nothing hinders it")
    if plan["hindered_by"]:
        raise typer.Exit(1)


def days(run: dict[str, Any]) -> str:
    first, last = run["first_day"], run["last_day"]
    return "" if first is None else str(first) if first == last else f"{first} to {last}"


def _stage(run: dict[str, Any]) -> str:
    """The stage that it is at, or at which it failed."""
    at = [stage["name"] for stage in run["stages"] if stage["state"] in ("running", "failed")]
    return at[0] if at else ""


def took(item: dict[str, Any]) -> str:
    """Between start and end."""
    if not (item["started_at"] and item["ended_at"]):
        return "–"
    seconds = datetime.fromisoformat(item["ended_at"]) - datetime.fromisoformat(item["started_at"])
    return f"{seconds.total_seconds():.1f} s"
