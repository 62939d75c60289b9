"""`penstock trace` and `penstock watermark`: where one reading is, and how late readings come."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from cli import login
from cli.accounts import count
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.console import cell, print_json, printable, steps
from cli.embedded.errors import StackError
from cli.inquiries import answered

MARKS = {"present": "[green]✓[/green]", "waiting": "…", "stopped": "[yellow]■[/yellow]", "unknown": "?"}
LOST = "[red]✗[/red]"


def trace(
    sensor: Annotated[str | None, typer.Argument(help="The sensor of the reading.", show_default=False)] = None,
    timestamp: Annotated[
        str | None,
        typer.Argument(metavar="TIME", help="Its time, ISO-8601 with an offset.", show_default=False),
    ] = None,
    partition: Annotated[int | None, typer.Option(help="Instead: the partition of its record.")] = None,
    offset: Annotated[int | None, typer.Option(help="The offset of its record.")] = None,
    topic: Annotated[str | None, typer.Option(help="The topic; the pipeline's by itself.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow one reading from Kafka to the warehouse, or to where and why it stopped. Exit 1 when no layer has it."""
    by_name, by_place = sensor is not None and timestamp is not None, partition is not None and offset is not None
    if by_name == by_place or (not by_place and topic is not None):
        raise StackError("a sensor and a time are needed, or --partition and --offset", "see: penstock trace --help")
    place: dict[str, Any] = {"partition": partition, "offset": offset} | ({"topic": topic} if topic else {})
    question = place if by_place else {"sensor_id": sensor, "timestamp": timestamp}
    client = Client(login.find(home))
    found = answered(client, f"{client.pipeline}/traces", "trace", **question)
    result = found["result"]
    if as_json:
        print_json(result)
    else:
        _print_trace(result, found["seconds"])
    if not result["found"]:
        raise typer.Exit(1)


def _print_trace(result: dict[str, Any], seconds: float) -> None:
    console = Console(highlight=False)
    for record in result["records"]:
        title = f"{record['topic']} partition {record['partition']} offset {record['offset']}"
        drawn = Table(box=box.SIMPLE, title=cell(title), title_justify="left", pad_edge=False, show_header=False)
        for step in record["steps"]:
            mark = MARKS.get(step["state"], LOST)
            told = f"{cell(step['words'])}\n[dim]{cell(_details(step['detail']))}[/dim]"
            drawn.add_row(mark, step["layer"].replace("_", " "), told)
        console.print(drawn)
    console.print(printable(result["words"]), markup=False)
    for problem in result["problems"]:
        console.print(problem, style="red", markup=False)
    console.print(f"[dim]traced in {seconds:.1f} s[/dim]")


def _details(detail: dict[str, Any]) -> str:
    shown = {name: value for name, value in detail.items() if value not in (None, [], {})}
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in shown.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_details(value)})"
    return "; ".join(map(_value, value)) if isinstance(value, list) else str(value)


def watermark(
    minutes: Annotated[list[float] | None, typer.Option(min=0, max=1440, help="A watermark to try as well.")] = None,
    first_day: Annotated[str, typer.Option(help="Readings that arrived from this day on, ISO-8601.")] = "",
    last_day: Annotated[str, typer.Option(help="Up to and with this day.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how late readings come, by sensor type, and how many of them each watermark would have deferred."""
    told = {"minutes": minutes, "first_day": first_day, "last_day": last_day}
    client = Client(login.find(home))
    with steps("reading all of Bronze", stderr=True) as say:
        question = {name: value for name, value in told.items() if value}
        found = answered(client, f"{client.pipeline}/delays", "what-if", **question)
        say(f"read in {found['seconds']:.1f} s")
    if as_json:
        print_json(found["result"])
        return
    _print_delays(found["result"])


def _print_delays(result: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if not result["readings"]:
        console.print("Bronze has no reading that arrived then")
        return
    days = f"{result['first_day']} to {result['last_day']}"
    title = f"{count(result['readings'])} readings that arrived {days}: seconds behind their sensor's newest"
    late = Table(box=box.SIMPLE, title=title, title_justify="left", pad_edge=False)
    names = list(result["types"][0]["delays"])
    for heading in ("sensor type", "readings", "behind", *names):
        late.add_column(heading, justify="left" if heading == "sensor type" else "right")
    for item in result["types"]:
        figures = (f"{item['delays'][name]:,.1f}" for name in names)
        late.add_row(item["sensor_type"], count(item["readings"]), count(item["behind"]), *figures)
    console.print(late)
    tried = Table(box=box.SIMPLE, title="each watermark would have deferred", title_justify="left", pad_edge=False)
    for heading in ("minutes", "readings", "share", ""):
        tried.add_column(heading, justify="left" if heading == "" else "right")
    for item in result["watermarks"]:
        share = f"{100 * item['deferred'] / result['readings']:.3f} %"
        tried.add_row(
            f"{item['minutes']:g}", count(item["deferred"]), share, "the pipeline's own" if item["own"] else ""
        )
    console.print(tried)
    for problem in result["problems"]:
        console.print(problem, style="red", markup=False)
