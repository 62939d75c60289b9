"""Files that no version refers to any more, and old entries of the tables' logs, removed when no reader needs them."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import deltalake
from deltalake import PostCommitHookProperties
from deltalake.exceptions import TableNotFoundError
from pyarrow import fs

from spark_jobs.contracts import Table
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.reached import read_up_to
from spark_jobs.jobs.tables import LAYOUTS, LOG_DAYS

DEFAULT_HOURS = 168  # for as long Delta's checkpoints remember which files were removed
LOG = "_delta_log"


def vacuum_lake(lake: str, pipeline: str, hours: int) -> Done:
    """Vacuum every table; the detail has files and bytes removed by table, and what was `left`, and why.

    Raises ValueError for less than an hour: what a driver is writing now is referred to by no version yet.
    """
    if hours < 1:
        raise ValueError("vacuum_hours must be at least 1")
    now = datetime.now(UTC)
    files_needed, log_needed = now - timedelta(hours=min(hours, DEFAULT_HOURS)), now - timedelta(days=LOG_DAYS)
    reached = read_up_to(lake, pipeline)
    tables: dict[str, dict[str, int]] = {}
    left: list[str] = []
    for table in LAYOUTS:
        try:
            delta = deltalake.DeltaTable(table.under(lake))
        except TableNotFoundError:
            continue
        at = now if table == Table.EXPIRED else reached[table]
        figures = {"files_removed": 0, "bytes_removed": 0, "log_files_removed": 0}
        if at is None or at <= files_needed:
            when = f"{at:%Y-%m-%dT%H:%MZ}" if at else "not known"
            left.append(f"{table} keeps its old files: that its readers have passed them is proven up to {when}")
        else:
            figures["files_removed"], figures["bytes_removed"] = _vacuum(delta, hours)
        if at is not None and at > log_needed:
            figures["log_files_removed"] = _clean_log(delta)
        tables[table] = figures
    return Done(detail={"tables": tables, "left": left})


def _vacuum(delta: deltalake.DeltaTable, hours: int) -> tuple[int, int]:
    """Remove files that no version of the last `hours` has, those that were never committed among them."""
    where, root = fs.FileSystem.from_uri(delta.table_uri)
    root = root.rstrip("/")
    doomed = delta.vacuum(retention_hours=hours, dry_run=True, enforce_retention_duration=False, full=True)
    # The log names removed files for a while after they are gone.
    found = [item for item in where.get_file_info([f"{root}/{path}" for path in doomed]) if item.is_file]
    if not found:
        return 0, 0
    delta.vacuum(
        retention_hours=hours,
        dry_run=False,
        enforce_retention_duration=False,
        full=True,
        post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
    )
    if isinstance(where, fs.LocalFileSystem):
        _remove_empty_folders(Path(root), [item.path for item in found])
    return len(found), sum(item.size or 0 for item in found)


def _remove_empty_folders(root: Path, removed: list[str]) -> None:
    """Those of batches, of which there are thousands a day. Nobody writes into one that is as old as its files."""
    batches = root / "batches"
    for folder in {Path(path).parent for path in removed if batches in Path(path).parents}:
        with suppress(OSError):
            # Ends at the first that is not empty.
            os.removedirs(folder)


def _clean_log(delta: deltalake.DeltaTable) -> int:
    """Remove entries older than the log is kept for, up to the checkpoint before that time, and their checksums."""
    where, root = fs.FileSystem.from_uri(delta.table_uri)
    folder = fs.FileSelector(f"{root.rstrip('/')}/{LOG}")
    before = where.get_file_info(folder)
    delta.cleanup_metadata()
    found = where.get_file_info(folder)
    entries = [item.base_name for item in found if item.base_name.endswith(".json") and item.base_name[:20].isdigit()]
    stale = [item.path for item in found if ".crc" in item.base_name and item.base_name[:20] < min(entries)[:20]]
    for path in stale:
        where.delete_file(path)
    return len(before) - len(found) + len(stale)
