"""Gold's tables as the driver writes them: whole periods replaced in one commit, in milliseconds and without Spark."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple
from datetime import UTC, date, datetime
from functools import reduce
from operator import or_

import numpy as np
import polars as pl
import pyarrow.dataset as ds
from deltalake import CommitProperties, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.contracts import Entry, Table
from spark_jobs.jobs.tables import ENTRIES, LAYOUTS, SEQUENCE, Commits

# The column whose value is a row's period, and the period's seconds.
PERIODS = {Table.SENSOR_5MIN: ("window_start", 300), Table.LOCATION_HOURLY: ("hour_start", 3600)}
PERIODS[Table.DAILY_SUMMARY] = ("event_date", 86400)
MOST_RUNS = 100  # a condition names each of them
REMAKES = 50  # the stream commits every few seconds, and a remade day may take as long


class GoldTable(Commits):
    """One table of Gold. Periods are named by their start, in epoch seconds."""

    def __init__(self, lake: str, table: Table, app: str) -> None:
        super().__init__(table.under(lake), app)
        self._schema = to_arrow_schema(LAYOUTS[table].schema, timezone="UTC")
        self._column, self._seconds = PERIODS[table]

    def rows(self, *groups: Iterable[int]) -> Iterator[pl.DataFrame]:
        """For each group of periods, their rows; a group of distant ones may bring along what lies between."""
        self.delta.update_incremental()
        files = self.delta.to_pyarrow_dataset()
        return (self._rows(files, self._runs(starts)) for starts in groups)

    def changed(self, seq: int) -> list[int]:
        """The periods in which rows are as the commit with `seq` left them."""
        self.delta.update_incremental()
        found = self.delta.to_pyarrow_dataset().to_table([self._column], filter=ds.field("gold_seq") == seq)
        return pl.DataFrame(found)[self._column].dt.epoch("s").unique().to_list()

    def replace(
        self,
        starts: Iterable[int],
        seq: int,
        anew: Callable[[pl.DataFrame], pl.DataFrame],
        entries: Iterable[Entry] = (),
    ) -> bool:
        """Replace the rows of these periods by what `anew` makes of them, in one commit that carries `seq`.

        The commit notes `entries`. Between distant periods `anew` may be given others, too, and returns those as they
        are. False, and nothing written, when `seq` is committed already, by an earlier try or by another driver. Where
        another writer was faster, the rows are read again. Raises CommitFailedError when ten others were.
        """
        runs = self._runs(starts)
        noted = {SEQUENCE: str(seq), ENTRIES: json.dumps([astuple(entry) for entry in entries])}

        def write(once: CommitProperties) -> None:
            once.custom_metadata = noted
            self._write(runs, anew(self._rows(self.delta.to_pyarrow_dataset(), runs)), once)

        return self.commit_once(seq, write)

    def remake(
        self, starts: Iterable[int], anew: Callable[[pl.DataFrame, int], tuple[pl.DataFrame, Iterable[Entry]]]
    ) -> None:
        """Replace the rows of these periods, as a batch run does, whose name is the table's `app`.

        `anew` is given their rows and the version that the commit will be, and gives the new rows and the entries to be
        noted. Where another writer was faster it is called again. Raises CommitFailedError when many others were.
        """
        runs = self._runs(starts)
        for attempt in range(REMAKES):
            version = self.version()
            rows, entries = anew(self._rows(self.delta.to_pyarrow_dataset(), runs), version + 1)
            try:
                self._write(runs, rows, self.next_only(entries))
            except CommitFailedError:
                if attempt == REMAKES - 1:
                    raise
            else:
                return

    def _write(self, runs: list[tuple[date, date]], rows: pl.DataFrame, properties: CommitProperties) -> None:
        where = " OR ".join(f"({self._column} >= '{low}' AND {self._column} <= '{high}')" for low, high in runs)
        changed = rows.select(self._schema.names).to_arrow().cast(self._schema)
        write_deltalake(self.delta, changed, mode="overwrite", predicate=where, commit_properties=properties)

    def _rows(self, files: ds.Dataset, runs: list[tuple[date, date]]) -> pl.DataFrame:
        period = ds.field(self._column)
        wanted = reduce(or_, ((period >= low) & (period <= high) for low, high in runs))
        found = files.to_table(filter=wanted).select(self._schema.names)
        return pl.DataFrame(found.cast(self._schema))

    def _runs(self, starts: Iterable[int]) -> list[tuple[date, date]]:
        """First and last period of each unbroken run of them; of more than MOST_RUNS, the nearest become one."""
        at = np.unique(np.fromiter(starts, np.int64))
        gaps = np.diff(at)
        widest = np.argsort(gaps, kind="stable")[::-1][: MOST_RUNS - 1]
        ends = np.sort(widest[gaps[widest] > self._seconds])
        firsts, lasts = at[np.r_[0, ends + 1]], at[np.r_[ends, len(at) - 1]]
        return [(self._at(int(low)), self._at(int(high))) for low, high in zip(firsts, lasts, strict=True)]

    def _at(self, epoch: int) -> date:
        at = datetime.fromtimestamp(epoch, UTC)
        return at.date() if self._column == "event_date" else at
