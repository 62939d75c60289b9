"""The jars of Kafka's broker and of Spark's connectors, fetched once per user as the lock names them.

Nothing is resolved where they are fetched, and no other file is taken.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.embedded import ivy, jar_lock
from cli.embedded.errors import StackError


@dataclass(frozen=True)
class Jars:
    """Folders of jars: what Spark needs beside its own, and the broker's class path."""

    spark: Path
    kafka: Path


def cache_root() -> Path:
    """Where things fetched once per user are kept: PENSTOCK_CACHE, else the user's cache folder."""
    if named := os.environ.get("PENSTOCK_CACHE"):
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "penstock"


def located() -> Jars | None:
    """The jars if they are there already."""
    folder = _folder()
    return Jars(folder / "spark", folder / "kafka") if folder.is_dir() else None


def ensure(say: ivy.Say) -> Jars:
    """The jars, fetched if they are not there yet. `say` gets a line now and then."""
    if found := located():
        return found
    root = cache_root() / "jars"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"cannot write {root}: {error.strerror}", "point PENSTOCK_CACHE to a writable folder"
        ) from error
    with _lock(root / ".lock", say):
        if found := located():  # another process fetched them while this one waited
            return found
        work = Path(tempfile.mkdtemp(prefix=".resolving-", dir=root))
        try:
            _fetch(work, say)
            (work / "out").rename(_folder())
        except OSError as error:
            raise StackError(f"cannot write {root}: {error.strerror}", "is the disk full?") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Jars(_folder() / "spark", _folder() / "kafka")


def _folder() -> Path:
    # Another lock is other jars: an upgrade never meets the folder of the version before.
    return cache_root() / "jars" / hashlib.sha256(jar_lock.FILE.read_bytes()).hexdigest()[:12]


def _fetch(work: Path, say: ivy.Say) -> None:
    """Fetch what is locked into `out` of a folder. Raises StackError, also where a file is not the one of the lock."""
    wanted = [
        f'<dependency org="{jar.group}" name="{jar.name}" rev="{jar.revision}" conf="{jar.conf}->default"'
        f' transitive="false"><artifact name="{jar.name}" type="jar" conf="{jar.conf}"/></dependency>'
        for jar in jar_lock.locked()
    ]
    ivy.retrieve(work, wanted, "[conf]/[artifact]-[revision].[ext]", say, poms=False)
    for jar in jar_lock.locked():
        path = work / "out" / jar.file
        if not path.is_file() or jar_lock.sha256(path) != jar.sha256:
            hint = "ask who keeps the mirror" if os.environ.get("PENSTOCK_MAVEN_MIRROR") else "run it again"
            raise StackError(f"{path.name} was not fetched as it is in {jar_lock.FILE.name}", hint)


@contextmanager
def _lock(path: Path, say: ivy.Say) -> Iterator[None]:
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process fetches the jars; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
