"""`penstock quality`: what is expected of the data, and what was found."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli import login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.commands.runs import FollowOption, PipelineOption, ReasonOption, end
from cli.console import print_json, printable
from cli.embedded.errors import StackError

app = typer.Typer(help="Quality: suites of expectations, and what evaluations found.", no_args_is_help=True)

SuiteArgument = Annotated[str, typer.Argument(help="Name of the suite.")]


@app.command()
def suites(pipeline: PipelineOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the suites of a pipeline, with what each came to when it was last evaluated."""
    client = Client(login.find(home))
    found = client.get(f"{_quality(client, pipeline)}/suites", limit=200)
    if as_json:
        print_json(found)
        return
    drawn = Table("suite", "version", "layer", "severity", "verdict", "evaluated", box=box.SIMPLE, pad_edge=False)
    for item in found["results"]:
        verdict = (item["verdict"] or "–") if item["enabled"] else "disabled"
        at = item["evaluated_at"] or "never"
        drawn.add_row(item["name"], str(item["version"]), item["layer"], item["severity"], verdict, at)
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def show(
    suite: SuiteArgument,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Of the suite.", show_default="newest")
    ] = None,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a suite says. With --json it is what `save` takes."""
    client = Client(login.find(home))
    path = _suite(client, pipeline, suite)
    found = client.get(path) if version is None else _version(client, path, version)
    if as_json:
        print_json(found)
        return
    number = found["version"] if version is None else version
    typer.echo(f"suite {suite} v{number}: {found['layer']}, {found['severity']}")
    for position, item in enumerate(found["expectations"]):
        typer.echo(f"  {position} {item['type']} {json.dumps(item['arguments'])}")


@app.command()
def save(
    suite: SuiteArgument,
    file: Annotated[
        Path,
        typer.Option("--file", exists=True, dir_okay=False, help="JSON: {layer, severity, expectations}, or a list."),
    ],
    layer: Annotated[str | None, typer.Option(help="bronze, silver or gold, instead of the file's.")] = None,
    severity: Annotated[str | None, typer.Option(help="warn or hold, instead of the file's.")] = None,
    reason: ReasonOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a suite say this: it is made where it is not there, and else has a new version where it says otherwise."""
    client = Client(login.find(home))
    told = _told(file) | {name: value for name, value in (("layer", layer), ("severity", severity)) if value}
    if missing := [name for name in ("layer", "severity") if name not in told]:
        raise StackError(f"{file} does not say {' and '.join(missing)}", f"say so with: --{missing[0]}")
    found = client.put(_suite(client, pipeline, suite), **told, reason=reason, dry_run=dry_run)
    if as_json:
        print_json(found)
    elif not dry_run:
        typer.echo(f"suite {suite} says this as version {found['version']}")
    elif not found["makes_version"]:
        typer.echo(f"version {found['version']} of suite {suite} says just this")
    else:
        typer.echo("\n".join([f"suite {suite} would have version {found['version']}", *found["changes"]]))


@app.command()
def enable(
    suite: SuiteArgument,
    reason: ReasonOption = "",
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a suite be evaluated again."""
    _switch(suite, "enable", reason, pipeline, home, as_json)


@app.command()
def disable(
    suite: SuiteArgument,
    reason: ReasonOption = "",
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a suite not be evaluated any more; what was found stays."""
    _switch(suite, "disable", reason, pipeline, home, as_json)


@app.command()
def evaluate(
    hours: Annotated[int, typer.Option(min=1, max=168, help="Newest complete hours to look at.")] = 1,
    reason: ReasonOption = "",
    follow: FollowOption = False,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the suites evaluated by a run, whose success is that it could."""
    client = Client(login.find(home))
    run = client.post(f"{_quality(client, pipeline)}/evaluations", hours=hours, reason=reason)
    end(client, run, follow, as_json)


@app.command()
def results(
    suite: Annotated[str | None, typer.Option("--suite", help="Of this suite alone.")] = None,
    verdict: Annotated[str | None, typer.Option("--verdict", help="passed, empty, failed or error.")] = None,
    run: Annotated[int | None, typer.Option("--run", min=1, help="Of this run alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest evaluations."""
    client = Client(login.find(home))
    asked = {name: value for name, value in {"suite": suite, "verdict": verdict, "run": run}.items() if value}
    found = client.get(f"{_quality(client, pipeline)}/evaluations", limit=limit, **asked)
    if as_json:
        print_json(found)
        return
    columns = ("no.", "suite", "verdict", "passed", "rows", "from (UTC)", "hours", "run")
    drawn = Table(*columns, box=box.SIMPLE, pad_edge=False)
    for item in found["results"]:
        counts = item["counts"]
        passed = f"{counts['passed']} of {sum(counts.values())}"
        suite_of = f"{item['suite']} v{item['version']}"
        start, end = (datetime.fromisoformat(item[name]) for name in ("start", "end"))
        hours = f"{(end - start) / timedelta(hours=1):g}"
        figures = (passed, f"{item['rows']:,}", f"{start:%Y-%m-%d %H:%M}", hours, str(item["run"]))
        drawn.add_row(str(item["id"]), suite_of, item["verdict"], *figures)
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def result(
    evaluation: Annotated[int, typer.Argument(min=1, help="Number of the evaluation.")],
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what became of each expectation, with samples of the rows that break it."""
    client = Client(login.find(home))
    found = client.get(f"{_quality(client, pipeline)}/evaluations/{evaluation}")
    if as_json:
        print_json(found)
        return
    about = f"{found['rows']:,} rows from {found['start']} to {found['end']}, run {found['run']}"
    typer.echo(f"suite {found['suite']} v{found['version']}: {found['verdict']}, {about}")
    for item in found["results"]:
        told = f"  {item['verdict']:<6} {item['type']} {json.dumps(item['arguments'])}"
        if item["observed"] is not None:
            told += f": observed {json.dumps(item['observed'])}"
        if item["unexpected"]:
            told += f", {item['unexpected']:,} unexpected"
        typer.echo(printable(told))
        if item["message"]:
            typer.echo(f"         {printable(item['message'])}")
        for sample in item["samples"]:
            typer.echo(f"         {printable(json.dumps(sample, ensure_ascii=False))}")


@app.command()
def rate(
    days: Annotated[int, typer.Option(min=1, max=366, help="Today and those before it.")] = 30,
    pipeline: PipelineOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many of the expectations that were evaluated passed, by day and layer."""
    client = Client(login.find(home))
    found = client.get(f"{_quality(client, pipeline)}/pass-rate", days=days)
    if as_json:
        print_json(found)
        return
    drawn = Table("day", "layer", "passed", "rate", "empty", box=box.SIMPLE, pad_edge=False)
    for item in found["days"]:
        share = "–" if item["rate"] is None else f"{100 * item['rate']:.1f} %"
        passed = f"{item['passed']:,} of {item['evaluated']:,}"
        drawn.add_row(item["day"], item["layer"], passed, share, f"{item['empty']:,}")
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def vocabulary(pipeline: PipelineOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what suites may say: expectations with their arguments, and the columns of each layer."""
    client = Client(login.find(home))
    found = client.get(f"{_quality(client, pipeline)}/vocabulary")
    if as_json:
        print_json(found)
        return
    for item in [*found["types"], *found["drift"]]:
        typer.echo(f"{item['type']}: {item['meaning']}")
        for argument in item["arguments"]:
            optional = "" if argument["required"] else " (if told)"
            typer.echo(f"  {argument['name']}{optional}: {argument['meaning']}")
    for item in found["columns"]:
        named = ", ".join(f"{column['name']} ({column['kind']})" for column in item["columns"])
        typer.echo(f"{item['layer']}: {named}")


def _quality(client: Client, pipeline: str | None) -> str:
    return f"{client.path(pipeline)}/quality"


def _suite(client: Client, pipeline: str | None, suite: str) -> str:
    return f"{_quality(client, pipeline)}/suites/{quote(suite, safe='')}"


def _version(client: Client, path: str, number: int) -> dict[str, Any]:
    cursor: dict[str, str] = {}
    while True:
        page = client.get(f"{path}/versions", limit=200, **cursor)
        for item in page["results"]:
            if item["number"] == number:
                return dict(item)
        if page["next"] is None:
            raise StackError(f"the suite has no version {number}")
        cursor = {"cursor": page["next"]}


def _told(file: Path) -> dict[str, Any]:
    """What a file says; `show --json` writes such a one, with names beside that nobody sets."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StackError(f"{file} is not JSON: {error}") from error
    if isinstance(told, list):
        return {"expectations": told}
    if not isinstance(told, dict) or "expectations" not in told:
        raise StackError(f"{file} has no expectations: a list of them is needed, or an object that has one")
    return {name: told[name] for name in ("layer", "severity", "expectations") if name in told}


def _switch(suite: str, how: str, reason: str, pipeline: str | None, home: Path | None, as_json: bool) -> None:
    client = Client(login.find(home))
    found = client.post(f"{_suite(client, pipeline, suite)}/{how}", reason=reason)
    if as_json:
        print_json(found)
    else:
        typer.echo(f"suite {suite} is {'enabled' if found['enabled'] else 'disabled'}")
