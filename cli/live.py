"""The live view: what the pipeline does now, drawn again each second on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import typer
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from cli import accounts
from cli.client import Client
from cli.console import cell
from cli.embedded import state
from cli.embedded.errors import StackError
from cli.embedded.home import Home

REFRESH_SECONDS = 1.0
LINE_SECONDS = 5.0


def number(value: object, unit: str = "", digits: int = 1) -> str:
    """A figure for people; a dash where it is not known, never a 0."""
    return f"{value:,.{digits}f}{unit}" if isinstance(value, int | float) else "–"


def share(value: object) -> str:
    """A share as per cent."""
    return f"{value:.2%}" if isinstance(value, int | float) else "–"


def processes_table(processes: Mapping[str, Mapping[str, Any]]) -> Table:
    """Name, pid, state, memory, restarts."""
    drawn = Table(box=box.SIMPLE, pad_edge=False)
    drawn.add_column("process")
    drawn.add_column("pid", justify="right")
    drawn.add_column("state")
    drawn.add_column("memory", justify="right")
    drawn.add_column("restarts", justify="right")
    for name, item in processes.items():
        word = cell(f"{item['state']} {item['reason']}".strip())
        drawn.add_row(name, str(item["pid"] or "–"), word, number(item["memory_mb"], " MB", 0), str(item["restarts"]))
    return drawn


class View:
    """Shows the figures of a control plane, and the services of `home` when it is a stack of this machine."""

    def __init__(self, client: Client, home: Home | None) -> None:
        self._client, self._home = client, home

    def show(self, lives: Callable[[], bool]) -> None:
        """Draw until `lives` says no, or Ctrl-C."""
        console = Console(highlight=False)
        if not console.is_terminal:
            while lives():
                typer.echo(self.line(self._read()))
                _pause(LINE_SECONDS, lives)
            return
        with Live(console=console, refresh_per_second=4, transient=False) as live:
            while lives():
                live.update(self.screen(self._read()))
                _pause(REFRESH_SECONDS, lives)

    def _read(self) -> dict[str, Any]:
        try:
            return self._client.figures()
        except StackError as error:  # the control plane may be restarting; the next round asks again
            return {"reason": f"no figures: {error.message}"}

    def line(self, now: Mapping[str, Any]) -> str:
        """The figures in one line."""
        lag, latency, balance = now.get("lag") or {}, now.get("latency") or {}, now.get("accounts") or {}
        return (
            f"driver {now.get('observed') or 'unknown'}  {number(now.get('throughput'))} readings/s  "
            f"lag {accounts.count(lag.get('total'))}  p95 {number(latency.get('p95'), ' s')}  "
            f"anomalies {share(now.get('anomaly_rate'))}  "
            f"dead letters {accounts.count((now.get('dead_letters') or {}).get('total'))}  "
            f"warehouse {accounts.count(balance.get('warehouse_readings'))}  "
            f"{_balance_word(balance)} {now.get('reason') or ''}"
        ).rstrip()

    def screen(self, now: Mapping[str, Any]) -> Group:
        """Everything, with the services above it."""
        panel = figures_panel(now)
        if self._home is None:
            return Group(f"control plane  {self._client.url}", panel)
        words = [
            f"[{'green' if item.state == 'running' else 'yellow'}]{name}[/]"
            for name, item in state.load(self._home).services.items()
        ]
        return Group("services  " + "  ".join(words), panel)


def figures_panel(now: Mapping[str, Any]) -> Panel:
    """Throughput, lag, latency, anomalies, dead letters, accounts."""
    lag, latency, dead = now.get("lag") or {}, now.get("latency") or {}, now.get("dead_letters") or {}
    partitions = "  ".join(f"{key}: {accounts.count(value)}" for key, value in (lag.get("partitions") or {}).items())
    reasons = "  ".join(f"{key} {accounts.count(value)}" for key, value in (dead.get("by_reason") or {}).items())
    load = now.get("last_load") or {}
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold")
    rows.add_column()
    driver = f"{now.get('observed') or 'unknown'}, wanted {now.get('desired') or 'unknown'}"
    rows.add_row("driver", f"{driver}  {cell(now.get('reason') or '')}")
    rows.add_row("throughput", f"{number(now.get('throughput'))} readings/s")
    rows.add_row("lag", f"{accounts.count(lag.get('total'))}   {partitions}")
    quantiles = "  ".join(f"{key} {number(latency.get(key), ' s')}" for key in ("p50", "p95", "p99"))
    rows.add_row("event to warehouse", quantiles)
    rows.add_row("anomalies", share(now.get("anomaly_rate")))
    rows.add_row("dead letters", f"{accounts.count(dead.get('total'))}   {reasons}")
    rows.add_row(
        "last load", f"{accounts.count(load.get('windows'))} windows in {number(load.get('seconds'), ' s', 2)}"
    )
    balance = now.get("accounts") or {}
    return Panel(Group(rows, accounts.table(balance), _balance_word(balance)), title=cell(now.get("pipeline") or ""))


def _balance_word(balance: Mapping[str, Any]) -> str:
    if not balance:
        return "accounts not known yet"
    return "accounts balance" if balance.get("balanced") else "ACCOUNTS DO NOT BALANCE"


def _pause(seconds: float, lives: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and lives():
        time.sleep(0.2)
