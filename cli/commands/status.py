"""`penstock status`."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console

from cli import login
from cli.client import Client
from cli.commands.options import HomeOption, JsonOption
from cli.console import print_json
from cli.embedded import ports, state, strays
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.live import View, figures_panel, processes_table


def status(
    home: HomeOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on showing, until Ctrl-C.")] = False,
) -> None:
    """Say what runs, and how the pipeline does: of this folder's stack, or of where `penstock login` signed in to."""
    place = Home.locate(home)
    here = home is not None or state.is_up(place) or not login.is_noted()
    if watch:
        client = Client(login.of_stack(place) if here else login.find(home))
        View(client, place if here else None).show(lambda: not here or state.is_up(place))
        return
    report = (
        stack_report(place)
        if here
        else {"state": "remote", "reason": "", "processes": {}, "figures": None, "queue": None}
    )
    if not here or report["state"] in (state.RUNNING, state.DEGRADED):
        report |= _figures(login.of_stack(place) if here else login.find(home))
    if as_json:
        print_json(report)
        return
    console = Console(highlight=False)
    console.print(f"{report['state']}{': ' + report['reason'] if report['reason'] else ''}", markup=False)
    if report["processes"]:
        console.print(processes_table(report["processes"]))
    if report["figures"]:
        console.print(figures_panel(report["figures"]))
    if report.get("queue"):
        console.print(_queue_line(report["queue"]), markup=False)
    if report.get("console_url"):
        console.print(f"console {report['console_url']}", markup=False)


def _figures(found: login.Login) -> dict[str, Any]:
    """What the control plane says; a web process that is just restarting takes nothing else from the report."""
    told: dict[str, Any] = {"console_url": found.url, "api_url": found.api_url, "queue": None, "figures": None}
    client = Client(found)
    try:
        told["queue"] = client.get("queue")
        told["figures"] = client.figures()
    except StackError as error:
        told["reason"] = f"no figures: {error.message}"
    return told


def _queue_line(queue: dict[str, Any]) -> str:
    """What waits for workers and who works. What is not known is said to be so."""
    waiting = "length unknown" if queue["length"] is None else f"{queue['length']} waiting"
    if queue["oldest_seconds"] is not None:
        waiting += f", the oldest for {queue['oldest_seconds']:.1f} s"
    if queue["unsent"]:
        waiting += f", {queue['unsent']} not sent yet"
    heard = "never" if queue["canary_seconds"] is None else f"{queue['canary_seconds']:.0f} s ago"
    return f"queue {queue['queue']}: {waiting}; workers: {', '.join(queue['workers']) or 'none answers'}, heard {heard}"


def stack_report(home: Home) -> dict[str, Any]:
    """State, ports and processes of a stack, in plain JSON types; `figures` and `queue` are left empty."""
    found = state.load(home)
    chosen = ports.load(home)
    report: dict[str, Any] = {
        "state": found.state,
        "reason": found.reason,
        "home": str(home.root),
        "since": found.since,
        "supervisor": found.pid if found.identity and found.identity.alive else None,
        "ports": vars(chosen) if chosen else {},
        "processes": {},
        "figures": None,
        "queue": None,
    }
    living = strays.drivers(home)
    apart = {process.pid for driver in living for process in _family(driver.process())}
    for name, item in found.services.items():
        process = item.identity.process() if item.identity else None
        word = item.state if process or item.state not in ("running", "starting") else "dead"
        report["processes"][name] = {
            "pid": item.pid if process else None,
            "state": word,
            "restarts": item.restarts,
            "reason": item.reason,
            "memory_mb": _memory(process, apart),
        }
    for driver in living:
        report["processes"]["driver"] = {
            "pid": driver.pid,
            "state": "running",
            "restarts": 0,
            "reason": "",
            "memory_mb": _memory(driver.process(), set()),
        }
    return report


def _memory(process: psutil.Process | None, apart: set[int]) -> float | None:
    """Memory of a process and all under it, in MB, pages that several share counted by their share (PSS).

    `apart` are not counted: a driver stands under the worker that launched it and is a process of its own.
    """
    if process is None:
        return None
    total = 0
    for item in _family(process):
        if item.pid not in apart:
            with suppress(psutil.Error):
                total += item.memory_full_info().pss
    return round(total / 1e6, 1)


def _family(process: psutil.Process | None) -> list[psutil.Process]:
    if process is None:
        return []
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return [process]
