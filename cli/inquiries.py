"""A question that a worker answers: asked, and waited for."""

from __future__ import annotations

import time
from typing import Any

from cli.client import Client
from cli.embedded.errors import StackError

POLL_SECONDS = 0.2
LONGEST_SECONDS = 1800.0


def answered(client: Client, path: str, what: str, **question: Any) -> dict[str, Any]:
    """The inquiry with its result and the `seconds` that it took. Raises StackError when there is none to be had."""
    began = time.monotonic()
    found = client.post(path, **question)
    while found["status"] in ("requested", "running"):
        if time.monotonic() - began > LONGEST_SECONDS:
            words = f"the {what} is {found['status']} after {LONGEST_SECONDS:.0f} s"
            raise StackError(words, "see: penstock logs worker")
        time.sleep(POLL_SECONDS)
        found = client.get(f"{path}/{found['id']}")
    if found["status"] != "succeeded":
        raise StackError(f"the {what} failed: {found['reason']}", "see: penstock logs worker")
    return {**found, "seconds": time.monotonic() - began}
