"""The figures of a running stack, read through the control plane's selectors, and the wait for the driver."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from cli.embedded import environment, jars, ports
from cli.embedded.environment import PIPELINE
from cli.embedded.errors import StackError
from cli.embedded.home import Home

POLL_SECONDS = 0.5


def enter(home: Home) -> None:
    """Make this process one of the installation: its environment, and Django set up in it. StackError before `up`."""
    chosen, fetched = ports.load(home), jars.located()
    if chosen is None or fetched is None or not home.secrets.exists():
        raise StackError(f"there is no stack in {home.root}", "start one with: penstock up")
    os.environ.update(environment.environment(home, chosen, home.generated_secrets(), fetched))
    _set_up()


def _set_up() -> None:
    import django

    django.setup()


def figures() -> dict[str, Any]:
    """`controlplane.telemetry.selectors.figures` of the default pipeline. After `enter`."""
    from controlplane.telemetry import selectors

    return dict(selectors.figures(PIPELINE))


def accounts() -> dict[str, Any]:
    """`controlplane.ledger.selectors.accounts` of the default pipeline. After `enter`."""
    from controlplane.ledger import selectors

    return dict(selectors.accounts(PIPELINE))


def verify() -> dict[str, Any]:
    """`pipeline_workers.verification.verify` of the default pipeline. After `enter`."""
    from pipeline_workers import verification

    try:
        return dict(verification.verify(PIPELINE))
    except verification.Unreadable as error:
        raise StackError(f"the accounts cannot be recomputed: {error}") from error


def wait_for_driver(seconds: float) -> str:
    """Poll until the driver reports that it runs; the reason why not when the time is over, else empty."""
    until = time.monotonic() + seconds
    while True:
        now = figures()
        if now["observed"] == "running":
            return ""
        if time.monotonic() > until:
            return str(now.get("reason") or f"the driver is {now['observed']} after {seconds:.0f} s")
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    _set_up()
    sys.exit(wait_for_driver(float(sys.argv[1])) or 0)
