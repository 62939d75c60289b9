"""`penstock backfills`: previewed, started, followed, paused, cancelled, taken up again."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli import login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.commands.runs import ENDINGS, OVER, FollowOption, PipelineOption, ReasonOption, days, took
from cli.console import print_json

POLL_SECONDS = 1.0
NOT_ZERO = ("running", "failed", "cancelled", "pending")

app = typer.Typer(help=f"Backfills: a range of days done anew, a day a run. {ENDINGS}", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(min=1, help="Number of the backfill.")]
FromOption = Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day, UTC.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day.", show_default="the first")]
OnlyOption = Annotated[str, typer.Option("--only", help="all, missing (never ran) or failed (when they last ran).")]


@app.command()
def create(
    first: FromOption,
    last: ToOption = None,
    order: Annotated[str, typer.Option(help="Which day comes first: oldest or newest.")] = "oldest",
    concurrency: Annotated[int, typer.Option(min=1, max=8, help="How many of its runs at a time.")] = 1,
    only: OnlyOption = "all",
    throttle_lag: Annotated[
        int, typer.Option("--throttle-lag", min=0, help="Live lag, in readings, over which no day starts.")
    ] = 10_000,
    reason: ReasonOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    follow: FollowOption = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have days done anew."""
    client = Client(login.find(home))
    body: dict[str, Any] = {"first_day": first, "order": order, "concurrency": concurrency, "only": only}
    body |= {"throttle_lag": throttle_lag} | ({"last_day": last} if last is not None else {})
    path = f"{client.path(pipeline)}/backfills"
    if dry_run:
        _print_preview(client.post(f"{path}/preview", **body), as_json)
    else:
        _end(client, client.post(path, reason=reason, **body), follow, as_json)


@app.command("list")
def list_all(
    state: Annotated[str | None, typer.Option(help="Such as running, paused or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest backfills."""
    client = Client(login.find(home))
    asked = {} if state is None else {"state": state}
    found = client.get(f"{client.path(pipeline)}/backfills", limit=limit, **asked)
    if as_json:
        print_json(found)
        return
    if not found["results"]:
        typer.echo("no backfills; see what one would do with: penstock backfills create --from YYYY-MM-DD --dry-run")
        return
    drawn = Table("backfill", "days", "state", "progress", "", box=box.SIMPLE, pad_edge=False)
    for item in found["results"]:
        drawn.add_row(str(item["id"]), days(item), item["state"], _progress(item), item["waiting"] or item["cause"])
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def show(backfill: NumberArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a backfill and its days."""
    found = Client(login.find(home)).get(f"backfills/{backfill}")
    if as_json:
        print_json(found)
        return
    typer.echo(_line(found))
    who = f"by {found['requested_by'] or 'nobody'}, {found['created_at']}"
    typer.echo(f"  {who}{': ' + found['reason'] if found['reason'] else ''}")
    pace = f"{found['concurrency']} at a time, no new day over a lag of {found['throttle_lag']:,}"
    typer.echo(f"  {found['order']} first, {pace}")
    drawn = Table("day", "state", "run", "took", "", box=box.SIMPLE, pad_edge=False)
    for slot in found["slots"]:
        run = "–" if slot["run"] is None else str(slot["run"])
        drawn.add_row(slot["day"], slot["state"], run, took(slot), slot["cause"] or slot["waiting"])
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def pause(
    backfill: NumberArgument, reason: ReasonOption = "", home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Have no new day start; those that run end by themselves."""
    client = Client(login.find(home))
    _end(client, client.post(f"backfills/{backfill}/pause", reason=reason), follow=False, as_json=as_json)


@app.command()
def resume(
    backfill: NumberArgument,
    reason: ReasonOption = "",
    follow: FollowOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have days start again."""
    client = Client(login.find(home))
    _end(client, client.post(f"backfills/{backfill}/resume", reason=reason), follow, as_json)


@app.command()
def cancel(
    backfill: NumberArgument,
    reason: ReasonOption = "",
    follow: FollowOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a backfill end, and its runs with it; it is cancelled once they are over."""
    client = Client(login.find(home))
    _end(client, client.post(f"backfills/{backfill}/cancel", reason=reason), follow, as_json)


@app.command()
def retry(
    backfill: NumberArgument,
    only: Annotated[str, typer.Option("--only", help="all, failed, or missing (those that were cancelled).")] = "all",
    reason: ReasonOption = "",
    follow: FollowOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a backfill up again with the days that did not succeed."""
    client = Client(login.find(home))
    _end(client, client.post(f"backfills/{backfill}/retry", reason=reason, only=only), follow, as_json)


def _end(client: Client, backfill: dict[str, Any], follow: bool, as_json: bool) -> None:
    """Print the backfill, at its end if that is to be waited for, and exit by what came of it."""
    if follow:
        backfill = _followed(client, backfill, quiet=as_json)
    if as_json:
        print_json(backfill)
    elif not follow:
        typer.echo(_line(backfill))
    if follow:
        raise typer.Exit(OVER[backfill["state"]])


def _followed(client: Client, backfill: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """The backfill once it is over; until then each change is a line, on stderr where stdout has the answer alone."""
    said: dict[str, str] = {}
    while True:
        lines = {slot["day"]: _slot_line(slot) for slot in backfill["slots"] if slot["run"] is not None}
        for name, line in {**lines, "": _line(backfill)}.items():
            if said.get(name) != line:
                typer.echo(line, err=quiet)
                said[name] = line
        if backfill["state"] in OVER:
            return backfill
        time.sleep(POLL_SECONDS)
        backfill = client.get(f"backfills/{backfill['id']}")


def _line(backfill: dict[str, Any]) -> str:
    told = f"backfill {backfill['id']} ({days(backfill)}): {backfill['state']}, {_progress(backfill)}"
    words = backfill["waiting"] if backfill["state"] not in OVER else backfill["cause"]
    return f"{told}: {words}" if words else told


def _slot_line(slot: dict[str, Any]) -> str:
    told = f"  {slot['day']}: {slot['state']}"
    if slot["state"] == "succeeded":
        told += f" in {took(slot)}"
    words = slot["cause"] if slot["state"] in OVER else slot["waiting"]
    return f"{told} (run {slot['run']}){': ' + words if words else ''}"


def _progress(backfill: dict[str, Any]) -> str:
    counts = backfill["counts"]
    others = "".join(f", {counts[state]} {state}" for state in NOT_ZERO if counts[state])
    return f"{counts['succeeded']} of {sum(counts.values())} days done{others}"


def _print_preview(preview: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(preview)
    else:
        drawn = Table("day", "silver", "deferred", "before", "slot", box=box.SIMPLE, pad_edge=False)
        for day in preview["days"]:
            counts = ("not known" if day[name] is None else f"{day[name]:,}" for name in ("silver", "deferred"))
            before = day["before"] + (f" (run {day['run']})" if day["run"] is not None else "")
            drawn.add_row(day["day"], *counts, before, "yes" if day["slot"] else "no")
        Console(highlight=False, markup=False).print(drawn)
        unknown = f", {preview['unknown_days']} days not known" if preview["unknown_days"] else ""
        typer.echo(f"{preview['slots']} of {len(preview['days'])} days, {preview['readings']:,} readings{unknown}")
        typer.echo(f"about {_duration(preview['estimate']['seconds'])}, {preview['estimate']['how']}")
        for conflict in preview["conflicts"]:
            typer.echo(f"refused as things are: {conflict}")
    if preview["conflicts"]:
        raise typer.Exit(1)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
