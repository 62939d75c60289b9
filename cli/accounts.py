"""The accounts as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
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
