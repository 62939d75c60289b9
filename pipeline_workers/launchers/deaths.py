"""Says at once when a process has ended. Rounds see it too, some seconds later."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from pipeline_workers.launchers.base import Evidence
from pipeline_workers.launchers.processes import proven

_watched: set[tuple[int, float]] = set()
_lock = threading.Lock()


def watch(evidence: Evidence, tell: Callable[[], None]) -> None:
    """Have `tell` called, in a thread of its own, when the process that the evidence is of ends.

    It need be no child of this process. Asked again while it watches, it watches once.
    """
    if evidence.pid is None or evidence.started is None:
        return
    process = (evidence.pid, evidence.started)
    with _lock:
        if process in _watched:
            return
        try:
            descriptor = os.pidfd_open(evidence.pid)
        except OSError:  # it is gone
            return
        if proven(evidence) is None:  # another has its pid by now
            os.close(descriptor)
            return
        _watched.add(process)
    threading.Thread(target=_wait, args=(process, descriptor, tell), name="death watch", daemon=True).start()


def _wait(process: tuple[int, float], descriptor: int, tell: Callable[[], None]) -> None:
    try:
        ends = select.poll()
        ends.register(descriptor, select.POLLIN)
        ends.poll()
    finally:
        os.close(descriptor)
        with _lock:
            _watched.discard(process)
    tell()
