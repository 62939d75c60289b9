"""Gold's tables as the driver writes them: whole periods replaced in one commit, in milliseconds and without Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import reduce
from operator import or_

import polars as pl
import pyarrow.dataset as ds
from deltalake import CommitProperties, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.contracts import Table
from spark_jobs.jobs.tables import LAYOUTS, Commits

# The column whose value is a row's period, and the period's seconds.
PERIODS = {Table.SENSOR_5MIN: ("window_start", 300), Table.LOCATION_HOURLY: ("hour_start", 3600)}
PERIODS[Table.DAILY_SUMMARY] = ("event_date", 86400)
ATTEMPTS = 10


class GoldTable(Commits):
    """One table of Gold. Periods are named by their start, in epoch seconds."""

    def __init__(self, lake: str, table: Table, app: str) -> None:
        super().__init__(table.under(lake), app)
        self._schema = to_arrow_schema(LAYOUTS[table].schema, timezone="UTC")
        self._column, self._seconds = PERIODS[table]

    def rows(self, starts: Iterable[int]) -> pl.DataFrame:
        """The rows of these periods."""
        self.delta.update_incremental()
        return self._rows(self._runs(starts))

    def changed(self, seq: int) -> list[int]:
        """The periods in which rows are as the commit with `seq` left them."""
        self.delta.update_incremental()
        found = self.delta.to_pyarrow_dataset().to_table([self._column], filter=ds.field("gold_seq") == seq)
        return pl.DataFrame(found)[self._column].dt.epoch("s").unique().to_list()

    def replace(self, starts: Iterable[int], seq: int, anew: Callable[[pl.DataFrame], pl.DataFrame]) -> bool:
        """Replace the rows of these periods by what `anew` makes of them, in one commit that carries `seq`.

        False, and nothing written, when `seq` is committed already, by an earlier try or by another driver. Where
        another writer was faster, the rows are read again. Raises CommitFailedError when ten others were.
        """
        runs = self._runs(starts)
        where = " OR ".join(f"({self._column} >= '{low}' AND {self._column} <= '{high}')" for low, high in runs)
        once = CommitProperties(app_transactions=[Transaction(self._app, seq)], max_commit_retries=0)
        for attempt in range(ATTEMPTS):
            if self.hold(seq):
                return False
            rows = anew(self._rows(runs)).select(self._schema.names).to_arrow().cast(self._schema)
            try:
                write_deltalake(self.delta, rows, mode="overwrite", predicate=where, commit_properties=once)
                break
            except CommitFailedError:
                if attempt == ATTEMPTS - 1:
                    raise
        return True

    def _rows(self, runs: list[tuple[date, date]]) -> pl.DataFrame:
        period = ds.field(self._column)
        wanted = reduce(or_, ((period >= low) & (period <= high) for low, high in runs))
        found = self.delta.to_pyarrow_dataset().to_table(filter=wanted).select(self._schema.names)
        return pl.DataFrame(found.cast(self._schema))

    def _runs(self, starts: Iterable[int]) -> list[tuple[date, date]]:
        """First and last period of each unbroken run of them."""
        runs: list[list[int]] = []
        for start in sorted(set(starts)):
            if runs and start - runs[-1][1] <= self._seconds:
                runs[-1][1] = start
            else:
                runs.append([start, start])
        return [(self._at(low), self._at(high)) for low, high in runs]

    def _at(self, epoch: int) -> date:
        at = datetime.fromtimestamp(epoch, UTC)
        return at.date() if self._column == "event_date" else at
