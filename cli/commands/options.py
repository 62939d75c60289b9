"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the installation.", show_default="PENSTOCK_HOME, else .penstock"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RateOption = Annotated[float, typer.Option("--rate", min=0, help="Readings per second of the simulator.")]
AnomalyRateOption = Annotated[
    float, typer.Option("--anomaly-rate", min=0, max=1, help="Share of the simulator's readings that deviate.")
]
