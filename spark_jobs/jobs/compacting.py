"""Small files made into larger ones, one partition and one commit at a time, beside whoever writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
from deltalake.exceptions import CommitFailedError

from spark_jobs.contracts import Table
from spark_jobs.jobs.appended import COMPACTED_BYTES
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.compaction_lock import hold_compaction
from spark_jobs.jobs.tables import LAYOUTS

DRIVERS = frozenset({Table.BRONZE, Table.SILVER, Table.SET_ASIDE})  # compact these themselves now and then
TRIES = 3  # of one partition, while others rewrite it
Partition = dict[str, str]


def compact_lake(lake: str) -> Done:
    """Compact every table; the detail has files and bytes by table, and what was `left` for the next time, and why."""
    tables: dict[str, dict[str, int]] = {}
    left: list[str] = []
    for table in LAYOUTS:
        path = table.under(lake)
        if "://" in path and table in DRIVERS:
            left.append(f"{table}: its driver compacts it, and no lock keeps the two apart on {lake}")
        elif deltalake.DeltaTable.is_deltatable(path):
            # A driver's own compaction takes seconds, and is due again only after many commits.
            with hold_compaction(path, wait=True):
                tables[table] = compact_table(table, deltalake.DeltaTable(path), left)
    return Done(detail={"tables": tables, "left": left})


def compact_table(table: Table, delta: deltalake.DeltaTable, left: list[str]) -> dict[str, int]:
    """Files and bytes before and after, by what was done here alone: a stream adds files meanwhile."""
    sizes = pa.table(delta.get_add_actions())["size_bytes"].to_pylist()
    figures = {"files_before": len(sizes), "bytes_before": sum(sizes)}
    files, size = len(sizes), sum(sizes)
    for partition in scattered(delta, LAYOUTS[table].partitions):
        done = _compact(delta, partition)
        if done is None:
            name = ", ".join(f"{column}={value}" for column, value in partition.items())
            left.append(f"{table} {name}: rewritten by others meanwhile, {TRIES} times")
            continue
        files += done["numFilesAdded"] - done["numFilesRemoved"]
        size += _bytes(done["filesAdded"]) - _bytes(done["filesRemoved"])
    return {**figures, "files_after": files, "bytes_after": size}


def scattered(delta: deltalake.DeltaTable, columns: tuple[str, ...]) -> Iterator[Partition]:
    """The partitions of which at least two files fit into one, the oldest first."""
    files = pl.DataFrame(pa.table(delta.get_add_actions(flatten=True)))
    names = [f"partition.{column}" for column in columns]
    together = pl.col("size_bytes").bottom_k(2).sum().alias("together")
    of_each = files.group_by(names) if names else files.group_by(pl.lit(0))
    few = of_each.agg(together, pl.len().alias("n")).filter(pl.col("n") > 1, pl.col("together") <= COMPACTED_BYTES)
    for row in few.sort(names or "n").select(names).iter_rows() if names else [()] * len(few):
        yield {column: str(value) for column, value in zip(columns, row, strict=True)}


def _compact(delta: deltalake.DeltaTable, partition: Partition) -> dict[str, Any] | None:
    """Delta's metrics of it; None where others were faster each time. No row changes, so appends do not conflict."""
    filters = [(column, "=", value) for column, value in partition.items()]
    for _ in range(TRIES):
        delta.update_incremental()
        try:
            return delta.optimize.compact(
                partition_filters=filters or None, target_size=COMPACTED_BYTES, max_concurrent_tasks=1
            )
        except CommitFailedError:
            continue
    return None


def _bytes(metrics: str | dict[str, Any]) -> int:
    found = json.loads(metrics) if isinstance(metrics, str) else metrics
    return int(found["totalSize"])
