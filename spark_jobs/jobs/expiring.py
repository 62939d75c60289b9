"""Days of Bronze that were kept for long enough, taken out of it, and written down so that the accounts stay exact.

An expiry has a number. What it will take is written to bronze/expired first, under that number; the commit that takes
it carries the number as a transaction of Bronze's log. So one commit decides: an expiry whose number the log has not
reached never happened, and the next one takes its number and its place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.applications import MaintenanceArguments
from spark_jobs.contracts import EXPIRE, BatchCommitted, Entry, Measure, Query, Table
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.tables import LAYOUTS, ensure_tables
from spark_jobs.jobs.telemetry import ENTRIES_PER_MESSAGE, Publisher

ACCEPTED, DEAD_LETTER = "accepted", "dead_letter"
MEMORY = "1GB"  # what does not fit is spilled into the workspace
TRIES = 3

COUNTED = """
SELECT date_trunc('hour', kafka_timestamp) AS hour, coalesce(reason, '') AS reason, topic, partition,
    min("offset") AS first_offset, max("offset") AS last_offset, count(*) AS count
FROM bronze WHERE disposition = $disposition AND ingest_date = $day GROUP BY ALL
"""
# A row that refine set aside counts once its batch is in Silver, too.
UNJUDGED = """
SELECT count(*) FROM (
    SELECT topic, partition, "offset" FROM bronze WHERE disposition = 'accepted' AND ingest_date = $day
) ANTI JOIN (
    SELECT topic, partition, "offset" FROM silver WHERE kafka_timestamp >= $start AND kafka_timestamp < $end
    UNION ALL
    SELECT topic, partition, "offset" FROM aside WHERE ingest_date = $day AND refine_seq <= $committed
) USING (topic, partition, "offset")
"""


@dataclass(frozen=True, order=True)
class Day:
    """A partition of Bronze."""

    disposition: str
    day: date

    def __str__(self) -> str:
        return f"{self.disposition} of {self.day}"


class Expiring:
    """The expire stage on one lake. `temporary` is a folder for what the counting has no memory for."""

    def __init__(self, arguments: MaintenanceArguments, publisher: Publisher, temporary: Path) -> None:
        """Raises ValueError where the arguments would take what was not kept for a day."""
        self._kept = {ACCEPTED: arguments.bronze_days, DEAD_LETTER: arguments.dead_letter_days}
        if min(self._kept.values()) < 1:
            raise ValueError("bronze_days and dead_letter_days must be at least 1")
        self._arguments, self._publisher, self._temporary = arguments, publisher, temporary
        self._app = f"penstock/{arguments.pipeline}/{EXPIRE}"
        self._taken = dict.fromkeys(self._kept, 0)
        self._left: list[str] = []

    def expire(self) -> Done:
        """Take what is due; the detail has rows by disposition, the days taken, and those `left`, and why."""
        ensure_tables(self._arguments.lake)
        bronze = self._open(Table.BRONZE)
        self._tell(bronze)  # a kill may have come before the last one was told
        days = []
        for due in self._due(bronze):
            rows = self._take(due, bronze)
            self._taken[due.disposition] += rows
            days += [str(due)] if rows else []
        taken = sum(self._taken.values())
        return Done(rows_in=taken, detail={"rows": self._taken, "days": days, "left": self._left})

    def _open(self, table: Table) -> deltalake.DeltaTable:
        return deltalake.DeltaTable(table.under(self._arguments.lake))

    def _due(self, bronze: deltalake.DeltaTable) -> list[Day]:
        """The oldest first. The day of the run is day 0, so that what is kept for a day is kept for at least that."""
        today = date.fromisoformat(self._arguments.today)
        files = pa.table(bronze.get_add_actions(flatten=True))
        found = pl.DataFrame(files).select("partition.disposition", "partition.ingest_date").unique()
        days = sorted(Day(disposition, day) for disposition, day in found.iter_rows())
        due = [it for it in days if it.day < today - timedelta(days=self._kept[it.disposition])]
        held = [it for it in due if self._is_held(it)]
        self._left += [f"{it} stays: people were warned of it less than a week ago" for it in held]
        return [it for it in due if it not in held]

    def _is_held(self, it: Day) -> bool:
        since = self._arguments.dead_letters_kept_from
        return it.disposition == DEAD_LETTER and since != "" and it.day >= date.fromisoformat(since)

    def _take(self, due: Day, bronze: deltalake.DeltaTable) -> int:
        """Write down and delete one partition; how many rows that took."""
        for _ in range(TRIES):
            bronze.update_incremental()
            if due.disposition == ACCEPTED and (waiting := self._unjudged(due.day, bronze)):
                self._left.append(f"{due} stays: refine has not judged {waiting} readings of it yet")
                return 0
            rows = self._count(due, bronze)
            number = (bronze.transaction_version(self._app) or 0) + 1
            self._write_down(rows, due, number)
            once = CommitProperties(app_transactions=[Transaction(self._app, number)])
            where = f"disposition = '{due.disposition}' AND ingest_date = '{due.day}'"
            try:
                # Of the snapshot that was counted: what is appended meanwhile stays.
                bronze.delete(where, commit_properties=once)
            except CommitFailedError:
                continue
            self._tell(bronze)
            return int(pc.sum(rows["count"]).as_py() or 0)
        self._left.append(f"{due} stays: rewritten by others meanwhile, {TRIES} times")
        return 0

    def _count(self, due: Day, bronze: deltalake.DeltaTable) -> pa.Table:
        return self._query(COUNTED, {"disposition": due.disposition, "day": due.day}, bronze=bronze)

    def _unjudged(self, day: date, bronze: deltalake.DeltaTable) -> int:
        """Accepted readings of the day that are neither in Silver nor set aside: a lagging stream has yet to read them.

        By place and not by position: it says so of each reading, whatever the order in which batches took files.
        """
        silver, aside = self._open(Table.SILVER), self._open(Table.SET_ASIDE)
        committed = silver.transaction_version(f"penstock/{self._arguments.pipeline}/{Query.REFINE}")
        told = {
            "day": day,
            "start": f"{day} 00:00:00+00",
            "end": f"{day + timedelta(days=1)} 00:00:00+00",
            "committed": -1 if committed is None else committed,
        }
        found = self._query(UNJUDGED, told, bronze=bronze, silver=silver, aside=aside)
        return int(found.column(0)[0].as_py())

    def _query(self, statement: str, told: dict[str, Any], **tables: deltalake.DeltaTable) -> pa.Table:
        self._temporary.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(config={"temp_directory": str(self._temporary), "memory_limit": MEMORY}) as sql:
            sql.execute("SET TimeZone = 'UTC'")
            sql.execute("SET preserve_insertion_order = false")
            for name, table in tables.items():
                sql.register(name, table.to_pyarrow_dataset())
            return sql.sql(statement, params=told).to_arrow_table()

    def _write_down(self, rows: pa.Table, due: Day, number: int) -> None:
        """In the place of what an expiry of this number meant to take and did not."""
        schema = to_arrow_schema(LAYOUTS[Table.EXPIRED].schema, timezone="UTC")
        known = pl.DataFrame(rows).with_columns(
            expiry=pl.lit(number), disposition=pl.lit(due.disposition), ingest_date=pl.lit(due.day)
        )
        written = known.select(schema.names).to_arrow().cast(schema)
        write_deltalake(self._open(Table.EXPIRED), written, mode="overwrite", predicate=f"expiry = {number}")

    def _tell(self, bronze: deltalake.DeltaTable) -> None:
        """Tell the control plane of the last expiry's dead letters, and wait until that is delivered."""
        number = bronze.transaction_version(self._app)
        if number is None:
            return
        entries = list(self._entries(number))
        parts = [entries[at : at + ENTRIES_PER_MESSAGE] for at in range(0, len(entries), ENTRIES_PER_MESSAGE)]
        for part, some in enumerate(parts, start=1):
            self._publisher.send(
                BatchCommitted(
                    pipeline=self._arguments.pipeline,
                    at=time.time(),
                    run_tag=self._arguments.run_tag,
                    query=EXPIRE,
                    batch=number,
                    table_version=bronze.version(),
                    rows_in=sum(entry.count for entry in entries),
                    part=part,
                    parts=len(parts),
                    entries=tuple(some),
                )
            )
        self._publisher.flush()

    def _entries(self, number: int) -> Iterator[Entry]:
        rows = pl.DataFrame(self._open(Table.EXPIRED).to_pyarrow_table())
        dead = rows.filter(pl.col("expiry") == number, pl.col("disposition") == DEAD_LETTER)
        hour = pl.col("hour").dt.epoch("s")
        for at, reason, count in dead.group_by(hour, "reason").agg(pl.col("count").sum()).sort("hour", "reason").rows():
            yield Entry(at, Measure.EXPIRED, count, reason)
