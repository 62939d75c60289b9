"""Gold as loaders read it: the rows of one pinned version that changed since the last load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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

    `reached` has the greatest of each of SEQUENCES among the rows, where there is one.
    """

    version: int | None
    columns: list[list[Any]]
    reached: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> Iterator[tuple[Any, ...]]:
        return zip(*self.columns, strict=True)

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def changed(lake: str, table: Table, columns: Sequence[str], after: Mapping[str, int]) -> Changed:
    """Rows of which one of SEQUENCES is greater than `after` names. Files that have none are skipped by statistics.

    The table of an earlier release has no `batch_seq`, and no batch run has been there.
    """
    try:
        delta = DeltaTable(table.under(lake))
    except TableNotFoundError:
        return Changed(None, [[] for _ in columns])
    files = delta.to_pyarrow_dataset()
    known = [name for name in SEQUENCES if name in files.schema.names]
    newer = reduce(or_, (ds.field(name) > after.get(name, -1) for name in known))
    found = files.to_table(columns=list(dict.fromkeys([*columns, *known])), filter=newer)
    greatest = {name: pc.max(found[name]).as_py() for name in known}
    reached = {name: value for name, value in greatest.items() if value is not None}
    return Changed(delta.version(), [found[name].to_pylist() for name in columns], reached)


def rehearse(rows: int = 20_000) -> None:
    """Read a table of as many rows: what a first load would add to the process is there from its start on."""
    with TemporaryDirectory(prefix="penstock-rehearsal-") as lake:
        column = pa.array(range(rows))
        write_deltalake(Table.SENSOR_5MIN.under(lake), pa.table(dict.fromkeys(SEQUENCES, column)))
        changed(lake, Table.SENSOR_5MIN, [*SEQUENCES, *SEQUENCES], {})
