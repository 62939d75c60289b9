"""`penstock pipelines`: what they are, their versions, and the streaming job of each."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli import login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.commands.waiting import until_settled
from cli.console import print_json, printable

app = typer.Typer(help="Pipelines, their versions and their streaming jobs.", no_args_is_help=True)

NameOption = Annotated[str | None, typer.Option("--pipeline", help="Its name.", show_default="the only one")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; goes to the audit log.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Return once it is so; exit 1 when it does not come to be.")]
AcceptOption = Annotated[bool, typer.Option("--accept", help="Go on though the preflight says that it is not safe.")]
VersionArgument = Annotated[int, typer.Argument(min=1, help="Number of the version.")]


@app.command("list")
def list_all(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the pipelines."""
    _print(Client(login.find(home)).get("pipelines", limit=200), ("name", "topic", "version", "created_at"), as_json)


@app.command()
def show(pipeline: NameOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a pipeline and its streaming job."""
    client = Client(login.find(home))
    path = client.path(pipeline)
    found = client.get(path) | {"streaming_job": client.get(f"{path}/streaming-job")}
    if as_json:
        print_json(found)
        return
    job = found["streaming_job"]
    typer.echo(f"{found['name']}: topic {found['topic']}, version {found['version']}, {found['configuration']}")
    typer.echo(_line(job))


@app.command()
def versions(pipeline: NameOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List a pipeline's newest versions."""
    client = Client(login.find(home))
    _print(client.get(f"{client.path(pipeline)}/versions"), ("number", "configuration", "created_at"), as_json)


@app.command()
def preflight(
    version: Annotated[int | None, typer.Option(min=1, help="Its number.", show_default="the newest")] = None,
    pipeline: NameOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a restart with a version is safe on the checkpoint that is there. Exit 1 when it is not."""
    client = Client(login.find(home))
    asked = {} if version is None else {"version": version}
    found = client.get(f"{client.path(pipeline)}/streaming-job/preflight", **asked)
    if as_json:
        print_json(found)
    else:
        typer.echo(str(found["verdict"]).replace("_", " "))
        for reason in found["reasons"]:
            typer.echo(f"  {reason}")
        for partition, offset in (found["backfill_from"] or {}).items():
            typer.echo(f"  backfill partition {partition} from offset {offset}")
    if found["verdict"] != "safe_restart":
        raise typer.Exit(1)


@app.command()
def start(
    pipeline: NameOption = None,
    reason: ReasonOption = "",
    accept: AcceptOption = False,
    wait: WaitOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the driver run; one that was given up is tried again."""
    _ask("start", "running", home, pipeline, wait, as_json, reason=reason, accept=accept)


@app.command()
def drain(
    pipeline: NameOption = None,
    reason: ReasonOption = "",
    wait: WaitOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the running batches end, and then the driver."""
    _ask("drain", "stopped", home, pipeline, wait, as_json, reason=reason)


@app.command()
def stop(
    pipeline: NameOption = None,
    reason: ReasonOption = "",
    wait: WaitOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the driver at once."""
    _ask("stop", "stopped", home, pipeline, wait, as_json, reason=reason)


@app.command()
def restart(
    pipeline: NameOption = None,
    reason: ReasonOption = "",
    accept: AcceptOption = False,
    wait: WaitOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the driver drained and launched with the newest version."""
    _ask("restart", "running", home, pipeline, wait, as_json, reason=reason, accept=accept)


@app.command()
def rollback(
    version: VersionArgument,
    pipeline: NameOption = None,
    reason: ReasonOption = "",
    accept: AcceptOption = False,
    wait: WaitOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new version with an older one's configuration, and restart the driver with it if it is wanted to run."""
    _ask("rollback", "running", home, pipeline, wait, as_json, reason=reason, accept=accept, version=version)


def _ask(
    action: str, target: str, home: Any, pipeline: str | None, wait: bool, as_json: bool, **body: str | bool | int
) -> None:
    """Ask for something of the streaming job, and print what is known of it then."""
    client = Client(login.find(home))
    path = f"{client.path(pipeline)}/streaming-job"
    before = client.get(path)
    job = client.post(f"{path}/{action}", **body)
    # Whoever is to be restarted runs already: the next launch is waited for.
    newer = action in ("restart", "rollback") and job["desired"] == "running"
    if wait and (target == "stopped" or job["desired"] == "running"):
        job = until_settled(lambda: client.get(path), target, before, newer_launch=newer)
    if as_json:
        print_json(job)
    else:
        typer.echo(_line(job))


def _line(job: dict[str, Any]) -> str:
    told = f"driver {job['observed']}, wanted {job['desired']}, launch {job['fencing_token']}, version {job['version']}"
    return f"{told}: {job['reason']}" if job["reason"] else told


def _print(found: dict[str, Any], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    drawn = Table(*columns, box=box.SIMPLE, pad_edge=False)
    for row in found["results"]:
        drawn.add_row(*(printable(str(row[column])) for column in columns))
    Console(highlight=False, markup=False).print(drawn)
