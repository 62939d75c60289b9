"""Where tests put real services."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def service_folder() -> Iterator[Path]:
    """A temporary folder that stays open to PostgreSQL's user.

    Not pytest's own: under root each session closes the folder above all sessions' again, and PostgreSQL's processes,
    which have a user of their own there, lose their data in the middle of another session.
    """
    folder = Path(tempfile.mkdtemp(prefix="penstock-tests-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
