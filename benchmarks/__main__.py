"""Every benchmark in turn, each result into benchmarks/results. `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = (
    "simulator",
    "ingest",
    "whole",
    "batch",
    "anomalies",
    "live",
    "runs",
    "starting",
    "collector",
    "latency",
    "recovery",
    "screen",
    "redrive",
    "recount",
)
RESULTS = Path(__file__).parent / "results"


def main(wanted: list[str]) -> int:
    """Exit 1 when one of them missed its goal or did not run."""
    if unknown := set(wanted) - set(NAMES):
        sys.stderr.write(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}\n")
        return 2
    RESULTS.mkdir(exist_ok=True)
    missed = []
    for name in wanted or NAMES:
        sys.stderr.write(f"{name}\n")
        with (RESULTS / f"{name}.json").open("w", encoding="utf-8") as result:
            if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], stdout=result).returncode:
                missed.append(name)
    if missed:
        sys.stderr.write(f"missed: {', '.join(missed)}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
