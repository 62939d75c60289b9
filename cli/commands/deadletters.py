"""`penstock dead-letters`: looked at, mended, sent back, given up."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli import login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.commands.runs import ENDINGS, OVER, FollowOption, PipelineOption, ReasonOption
from cli.console import print_json, printable
from cli.embedded.errors import StackError

POLL_SECONDS = 0.5
OUTCOMES = ("kept", "duplicate", "deferred", "refused", "pending")

app = typer.Typer(help="Dead letters: what ingest refused, and what is made of it.", no_args_is_help=True)
redrives = typer.Typer(help="Redrives: letters on their way back through Kafka.", no_args_is_help=True)
app.add_typer(redrives, name="redrives")

GroupOption = Annotated[int | None, typer.Option("--group", min=1, help="Number of a group.")]
RefusedOption = Annotated[str | None, typer.Option("--refused-as", help="Reason of the letters, such as not_utf8.")]
SearchOption = Annotated[str | None, typer.Option("--search", help="A part of the payload's text.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="Arrived then or later, ISO 8601 with offset.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Arrived before that.")]
StatusOption = Annotated[str | None, typer.Option("--status", help="open, redriving, redriven, discarded, expired.")]
AgainOption = Annotated[bool, typer.Option("--again", help="Only those that were redriven before.")]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", exists=True, dir_okay=False, help="JSON file with a list of operations.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
RedriveArgument = Annotated[int, typer.Argument(min=1, help="Number of the redrive.")]


@app.command()
def groups(pipeline: PipelineOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show letters by reason and shape of the payload."""
    client = Client(login.find(home))
    found = client.get(f"{client.path(pipeline)}/dead-letter-groups", limit=200)
    if as_json:
        print_json(found)
        return
    drawn = Table("group", "reason", "shape", "open", "redriven", "discarded", "again", box=box.SIMPLE, pad_edge=False)
    for item in found["results"]:
        counts = item["counts"]
        numbers = (counts["open"], counts["redriven"], counts["discarded"], item["again"])
        drawn.add_row(str(item["id"]), item["reason"], item["shape"], *(f"{number:,}" for number in numbers))
    Console(highlight=False, markup=False).print(drawn)


@app.command("list")
def list_all(
    group: GroupOption = None,
    refused_as: RefusedOption = None,
    status: StatusOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    again: AgainOption = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest letters."""
    client = Client(login.find(home))
    query = _query(group, refused_as, status, search, since, until, again)
    found = client.get(f"{client.path(pipeline)}/dead-letters", limit=limit, **query)
    if as_json:
        print_json(found)
        return
    drawn = Table("letter", "place", "reason", "status", "payload", box=box.SIMPLE, pad_edge=False)
    for item in found["results"]:
        place = f"{item['topic']}/{item['partition']}/{item['offset']}"
        drawn.add_row(str(item["id"]), place, item["reason"], item["status"], printable(item["text"])[:60])
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def show(
    letter: Annotated[int, typer.Argument(min=1, help="Number of the letter.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a letter and its payload."""
    found = Client(login.find(home)).get(f"dead-letters/{letter}")
    if as_json:
        print_json(found)
        return
    place = f"{found['topic']}/{found['partition']}/{found['offset']}"
    typer.echo(f"letter {found['id']}, {place}, {found['kafka_timestamp']}: {found['reason']}, {found['status']}")
    if found["again"]:
        typer.echo(f"  refused a second time: it was redriven from {found['origin']}")
    typer.echo(f"  group {found['group']}: {found['shape']}")
    typer.echo(f"  {found['size']:,} bytes, {found['encoding']}{'' if found['whole'] else ', the first of them'}:")
    typer.echo(printable(found["payload"] or ""))


@app.command()
def download(
    group: GroupOption = None,
    refused_as: RefusedOption = None,
    status: StatusOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    again: AgainOption = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
) -> None:
    """Print letters as JSON Lines."""
    client = Client(login.find(home))
    query = _query(group, refused_as, status, search, since, until, again)
    for line in client.lines(f"{client.path(pipeline)}/dead-letters/download", **query):
        typer.echo(line)


@app.command()
def mend(
    mapping: MappingOption = None,
    group: GroupOption = None,
    refused_as: RefusedOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    again: AgainOption = False,
    dry_run: DryRunOption = True,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a mapping would make of the open letters. It is always a dry run: what sends them is `redrive`."""
    client = Client(login.find(home))
    body = _selection(group, refused_as, search, since, until, again) | {"mapping": _operations(mapping)}
    _print_mended(client.post(f"{client.path(pipeline)}/dead-letters/mend", **body), as_json)


@app.command(help=f"Send the open letters back through Kafka. {ENDINGS}")
def redrive(
    mapping: MappingOption = None,
    group: GroupOption = None,
    refused_as: RefusedOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    again: AgainOption = False,
    rate: Annotated[int, typer.Option(min=0, help="Letters a second at most; 0 is without limit.")] = 0,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Send also what would be refused again.")] = False,
    reason: ReasonOption = "",
    dry_run: DryRunOption = False,
    follow: FollowOption = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    client = Client(login.find(home))
    body = _selection(group, refused_as, search, since, until, again) | {"mapping": _operations(mapping)}
    path = client.path(pipeline)
    if dry_run:
        _print_mended(client.post(f"{path}/dead-letters/mend", **body), as_json)
        return
    made = client.post(f"{path}/redrives", rate=rate, unchecked=unchecked, reason=reason, **body)
    while follow and made["state"] not in OVER:
        time.sleep(POLL_SECONDS)
        made = client.get(f"redrives/{made['id']}")
    _print_redrive(made, as_json)
    if follow:
        raise typer.Exit(OVER[made["state"]])


@app.command()
def discard(
    group: GroupOption = None,
    refused_as: RefusedOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    again: AgainOption = False,
    reason: ReasonOption = "",
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the open letters up."""
    client = Client(login.find(home))
    body = _selection(group, refused_as, search, since, until, again)
    made = client.post(f"{client.path(pipeline)}/dead-letters/discard", reason=reason, **body)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"{made['letters']:,} letters discarded (discard {made['discard']})")


@app.command()
def reopen(
    group: GroupOption = None,
    refused_as: RefusedOption = None,
    search: SearchOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    again: AgainOption = False,
    reason: ReasonOption = "",
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the discard of letters back."""
    client = Client(login.find(home))
    body = _selection(group, refused_as, search, since, until, again)
    made = client.post(f"{client.path(pipeline)}/dead-letters/reopen", reason=reason, **body)
    if as_json:
        print_json(made)
    else:
        typer.echo(f"{made['letters']:,} letters are open again")


@redrives.command("list")
def redrives_list(
    state: Annotated[str | None, typer.Option(help="Such as running or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest redrives."""
    client = Client(login.find(home))
    asked = {} if state is None else {"state": state}
    found = client.get(f"{client.path(pipeline)}/redrives", limit=limit, **asked)
    if as_json:
        print_json(found)
        return
    for item in found["results"]:
        _print_redrive(item, as_json=False)


@redrives.command("show")
def redrives_show(redrive: RedriveArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a redrive and what became of what it sent."""
    _print_redrive(Client(login.find(home)).get(f"redrives/{redrive}"), as_json)


@redrives.command("cancel")
def redrives_cancel(
    redrive: RedriveArgument, reason: ReasonOption = "", home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Have a redrive end; what was not sent is open again."""
    _print_redrive(Client(login.find(home)).post(f"redrives/{redrive}/cancel", reason=reason), as_json)


def _query(
    group: int | None,
    refused_as: str | None,
    status: str | None,
    search: str | None,
    since: str | None,
    until: str | None,
    again: bool,
) -> dict[str, Any]:
    told = _selection(group, refused_as, search, since, until, again) | ({"status": status} if status else {})
    return {"reason" if name == "refused_as" else name: value for name, value in told.items()}


def _selection(
    group: int | None, refused_as: str | None, search: str | None, since: str | None, until: str | None, again: bool
) -> dict[str, Any]:
    told = {"group": group, "refused_as": refused_as, "search": search, "since": since, "until": until}
    return {name: value for name, value in told.items() if value is not None} | ({"again": True} if again else {})


def _operations(mapping: Path | None) -> Any:
    if mapping is None:
        return []
    try:
        return json.loads(mapping.read_text())
    except ValueError as error:
        raise StackError(f"{mapping} is not JSON: {error}") from error


def _print_mended(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    seen = "" if found["looked_at"] == found["letters"] else f", of which the newest {found['looked_at']:,} were tried"
    typer.echo(f"{found['letters']:,} open letters{seen}: {found['would_pass']:,} would now pass")
    for reason, count in found["refused"].items():
        typer.echo(f"  {count:,} would be refused as {reason}")
    for item in found["problems"]:
        typer.echo(f"  {item['letters']:,} cannot be mended: {printable(item['problem'])}")
    for sample in found["samples"]:
        verdict = "passes" if sample["passes"] else sample["problem"] or sample["reason"]
        typer.echo(f"letter {sample['id']}: {printable(verdict)}\n  before {printable(sample['before'])}")
        if sample["after"]:
            typer.echo(f"  after  {printable(sample['after'])}")


def _print_redrive(item: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(item)
        return
    left = f", {item['left']:,} left open" if item["left"] else ""
    told = f"redrive {item['id']}: {item['state']}, {item['sent']:,} of {item['claimed']:,} letters sent{left}"
    typer.echo(f"{told}: {item['cause']}" if item["cause"] else told)
    outcome = item["outcome"]
    if outcome:
        typer.echo("  " + ", ".join(f"{outcome[name]:,} {name}" for name in OUTCOMES))
    elif item["sent"]:
        typer.echo("  what became of them is not known yet")
