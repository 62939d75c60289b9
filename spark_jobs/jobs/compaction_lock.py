"""One compaction of a table at a time.

Of two that overlap delta-rs (1.6.6) commits both, and every row of theirs is there twice: its search for conflicts
passes over files that were removed without a change of data.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "_compaction.lock"  # what begins so is none of the table's files to vacuum and readers


class Compacting(Exception):
    """Another process compacts the table."""


@contextmanager
def hold_compaction(table: str, *, wait: bool) -> Iterator[None]:
    """Hold the table against other compactions; other writers are told by Delta's own conflicts.

    The kernel frees the lock of a process that ends. Raises Compacting where one runs and this one does not `wait`.
    Elsewhere than on a file system there is no such lock: there maintenance leaves alone what drivers compact.
    """
    if "://" in table:
        yield
        return
    with (Path(table) / LOCK).open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Compacting(f"another process compacts {table}") from error
        yield
