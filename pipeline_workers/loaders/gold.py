"""Gold as loaders read it: the rows of one pinned version that changed since the last load."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import or_
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from spark_jobs.contracts import Table

# The columns that number a row's last change: by the stream, and by batch runs. Each only grows.
SEQUENCES = ("gold_seq", "batch_seq")


@dataclass(frozen=True)
class Changed:
    """`columns` are value lists; `version` is None and there are no rows when the table does not exist yet.

    `reached` has the greatest of each of SEQUENCES among all of them, where there is one; `held` the rows that were
    left out, as value lists too, and `held_by` the batch sequences of these. What batch runs have changed counts as
    reached up to the first of those, so that it is all there again once nothing is held.
    """

    version: int | None
    columns: list[list[Any]]
    reached: dict[str, int] = field(default_factory=dict)
    held: list[list[Any]] = field(default_factory=list)
    held_by: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def pinned(lake: str, table: Table) -> DeltaTable | None:
    """A table of Gold as it is now, whatever is committed to it later; None where it does not exist yet."""
    try:
        return DeltaTable(table.under(lake))
    except TableNotFoundError:
        return None


def changed(
    delta: DeltaTable | None, columns: Sequence[str], after: Mapping[str, int], held: Collection[date] = ()
) -> Changed:
    """Rows of which one of SEQUENCES is greater than `after` names. Files that have none are skipped by statistics.

    What batch runs have newly made of the days `held` is left out; `columns` then have the day.
    The table of an earlier release has no `batch_seq`, and no batch run has been there.
    """
    if delta is None:
        return Changed(None, [[] for _ in columns])
    files = delta.to_pyarrow_dataset()
    known = [name for name in SEQUENCES if name in files.schema.names]
    newer = reduce(or_, (ds.field(name) > after.get(name, -1) for name in known))
    found = files.to_table(columns=list(dict.fromkeys([*columns, *known])), filter=newer)
    greatest = {name: pc.max(found[name]).as_py() for name in known}
    reached = {name: value for name, value in greatest.items() if value is not None}
    left_out, held_by = found.slice(0, 0), list[int]()
    if held and "batch_seq" in known:
        of_run = pc.fill_null(pc.greater(found["batch_seq"], after.get("batch_seq", -1)), False)
        waits = pc.and_(of_run, pc.is_in(found["event_date"], value_set=pa.array(sorted(held), pa.date32())))
        left_out, found = found.filter(waits), found.filter(pc.invert(waits))
        held_by = sorted(pc.unique(left_out["batch_seq"]).to_pylist())
    if held_by:
        reached["batch_seq"] = min(reached["batch_seq"], held_by[0] - 1)
    lists = [[rows[name].to_pylist() for name in columns] for rows in (found, left_out)]
    return Changed(delta.version(), lists[0], reached, lists[1], tuple(held_by))


def rehearse(rows: int = 20_000) -> None:
    """Read a table of as many rows: what a first load would add to the process is there from its start on."""
    with TemporaryDirectory(prefix="penstock-rehearsal-") as lake:
        column = pa.array(range(rows))
        write_deltalake(Table.SENSOR_5MIN.under(lake), pa.table(dict.fromkeys(SEQUENCES, column)))
        changed(pinned(lake, Table.SENSOR_5MIN), [*SEQUENCES, *SEQUENCES], {})
