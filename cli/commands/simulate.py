"""`penstock simulate`: becomes the sensor fleet, which has its own options and its own --help."""

from __future__ import annotations

import os
import sys

import typer

from cli.commands.options import HomeOption
from cli.embedded import ports
from cli.embedded.addresses import bootstrap_servers
from cli.embedded.home import Home


def simulate(ctx: typer.Context, home: HomeOption = None) -> None:
    """Send readings of a simulated sensor fleet, or of a CSV file, to Kafka. All options: penstock simulate --help."""
    options = list(ctx.args)
    named = any(item == "--bootstrap-servers" or item.startswith("--bootstrap-servers=") for item in options)
    if not named and "--help" not in options:
        chosen = ports.load(Home.locate(home))
        servers = bootstrap_servers(chosen.kafka) if chosen else os.environ.get("PENSTOCK_BOOTSTRAP_SERVERS")
        if servers:
            options += ["--bootstrap-servers", servers]
    os.execv(sys.executable, [sys.executable, "-m", "pipeline_workers.simulator", *options])  # noqa: S606
