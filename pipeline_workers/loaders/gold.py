"""Gold as loaders read it: the rows of one pinned version that changed since a sequence number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from spark_jobs.contracts import Table


@dataclass(frozen=True)
class Changed:
    """`columns` are value lists; `version` is None and there are no rows when the table does not exist yet."""

    version: int | None
    columns: list[list[Any]]

    @property
    def rows(self) -> Iterator[tuple[Any, ...]]:
        return zip(*self.columns, strict=True)

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def changed(lake: str, table: Table, columns: Sequence[str], after: int) -> Changed:
    """Rows with `gold_seq` greater than `after`. Files that have none are skipped by their statistics."""
    try:
        delta = DeltaTable(table.under(lake))
    except TableNotFoundError:
        return Changed(None, [[] for _ in columns])
    found = delta.to_pyarrow_dataset().to_table(columns=list(columns), filter=ds.field("gold_seq") > after)
    return Changed(delta.version(), [found[name].to_pylist() for name in columns])
