"""The accounts as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table


def count(value: object) -> str:
    """A count with its thousands apart; a dash where it is not known."""
    return f"{value:,}" if isinstance(value, int) else "–"


def table(found: Mapping[str, Any]) -> Table:
    """One line an equation: ticked when it holds with nothing pending, or with what is pending on its way."""
    drawn = Table(box=box.SIMPLE, title="accounts", title_justify="left", pad_edge=False)
    drawn.add_column("")
    drawn.add_column("equation")
    for heading in ("left", "right", "pending"):
        drawn.add_column(heading, justify="right")
    for item in found.get("equations", ()):
        mark = "[green]✓[/green]" if item["holds"] else "[red]✗[/red]"
        drawn.add_row(mark, str(item["name"]), count(item["left"]), count(item["right"]), count(item["pending"]))
    return drawn


def hours(found: Sequence[Mapping[str, Any]]) -> Table:
    """One line an hour: of each equation its left side, +n of it pending; both sides where it does not hold."""
    drawn = Table(box=box.SIMPLE, title="accounts by hour (UTC)", title_justify="left", pad_edge=False)
    drawn.add_column("")
    drawn.add_column("hour", no_wrap=True)
    for item in found[0]["equations"]:
        drawn.add_column(str(item["name"]), justify="right", min_width=7)
    for hour in found:
        mark = "[green]✓[/green]" if hour["balanced"] else "[red]✗[/red]"
        drawn.add_row(mark, str(hour["hour"])[:16].replace("T", " "), *(_side(item) for item in hour["equations"]))
    return drawn


def _side(item: Mapping[str, Any]) -> str:
    pending = f" (+{count(item['pending'])})" if item["pending"] else ""
    if not item["holds"]:
        return f"[red]{count(item['left'])} ≠ {count(item['right'])}{pending}[/red]"
    return count(item["left"]) + pending
