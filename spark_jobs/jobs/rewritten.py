"""Silver and the set-aside table as a batch run changes them: files replaced in one commit, rows removed in another."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction
from pyspark.sql import DataFrame

from spark_jobs.contracts import Entry, Table
from spark_jobs.jobs.appended import AppendedTable, write_checksum
from spark_jobs.jobs.tables import Commits

ATTEMPTS = 50  # the stream commits every few seconds


class Overtaken(Exception):
    """Files that were read have been replaced by another writer: the read must be repeated."""


class RewrittenTable(AppendedTable):
    """A table of the stream's, some of whose files a batch run (`app`) replaces."""

    def files(self) -> pl.DataFrame:
        """The files of the version that is known: `path`, `num_records`, `min.*`, `max.*` and `partition.*` of each."""
        return pl.DataFrame(pa.table(self.delta.get_add_actions(flatten=True)))

    def write(self, rows: DataFrame, name: str) -> list[AddAction]:
        """Write rows to files that nobody sees before they are committed."""
        folder = f"batches/{self._run_tag}/{name}"
        rows.select(self._schema.names).write.mode("overwrite").partitionBy(*self._partitions).parquet(
            f"{self._path}/{folder}"
        )
        return list(self._files(folder))

    def swap(
        self,
        old: pl.DataFrame,
        new: Sequence[AddAction],
        entries: Iterable[Entry],
        *,
        own: pl.DataFrame,
        days: tuple[date, date],
        frontier: int,
    ) -> None:
        """Replace files of `files()` by new ones, in one commit that notes `entries`.

        `own` are all files of the days, as they were read. What the stream adds meanwhile lies beyond the `frontier`
        and stays. Raises Overtaken where others have replaced some of the files, or added what the stream would not.
        """
        for attempt in range(ATTEMPTS):
            self.delta.update_incremental()
            now = self.files()
            if len(own.join(now, on="path", how="anti")):
                raise Overtaken(f"{self._path} was compacted meanwhile")
            added = of_days(now.join(own, on="path", how="anti"), "event_date", *days)
            if len(added) and len(added.filter(pl.col("min.refine_seq") <= frontier)):
                raise Overtaken(f"another run has added to {self._path} meanwhile")
            actions: list[AddAction | RemoveAction] = [*(self._removal(row) for row in old.to_dicts()), *new]
            try:
                self._commit(actions, self.next_only(entries))
            except CommitFailedError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _commit(self, actions: list[AddAction | RemoveAction], properties: CommitProperties) -> None:
        self.delta.create_write_transaction(
            actions, "append", self._schema, list(self._partitions), commit_properties=properties
        )
        self.delta.update_incremental()
        write_checksum(self.delta)

    def _removal(self, row: dict[str, Any]) -> RemoveAction:
        return RemoveAction(
            path=row["path"],
            deletion_timestamp=time.time_ns() // 1_000_000,
            data_change=True,
            partition_values={name: str(row[f"partition.{name}"]) for name in self._partitions},
        )


def remove_absorbed(lake: str, app: str, low: datetime, high: datetime, frontier: int) -> int:
    """Delete the deferred readings of an interval of event time that Silver has; gives how many there were."""
    table = Commits(Table.SET_ASIDE.under(lake), app)
    where = f"reason = 'deferred' AND timestamp >= '{low}' AND timestamp < '{high}' AND refine_seq <= {frontier}"
    for attempt in range(ATTEMPTS):
        table.delta.update_incremental()
        try:
            done = table.delta.delete(where, commit_properties=CommitProperties(max_commit_retries=0))
        except CommitFailedError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return int(done["num_deleted_rows"] or 0)
    raise AssertionError("the last attempt returns or raises")


def of_days(files: pl.DataFrame, column: str, first: date, last: date) -> pl.DataFrame:
    """The files of partitions from `first` to `last`, both included."""
    if files.is_empty():  # of a table that is empty no column is known
        return files
    return files.filter(pl.col(f"partition.{column}").is_between(first, last))
