"""The lake's Delta tables: how they are made, and writes that a replay cannot repeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import astuple
from functools import cached_property
from typing import NamedTuple

import deltalake
from deltalake import CommitProperties, Transaction
from deltalake.exceptions import CommitFailedError
from pyarrow import fs
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from spark_jobs import schemas
from spark_jobs.contracts import Entry, Table

ATTEMPTS = 10
LOG_DAYS = 7


class ForgottenError(Exception):
    """The log does not say any more what an earlier attempt changed: it needs a new run."""


class Layout(NamedTuple):
    """`statistics` names the columns by which files are skipped; every other column would only slow the writes."""

    schema: StructType
    partitions: tuple[str, ...]
    statistics: tuple[str, ...]


LAYOUTS = {
    Table.BRONZE: Layout(
        schemas.BRONZE,
        ("disposition", "ingest_date"),
        ("ingest_seq", "partition", "offset", "kafka_timestamp", "timestamp"),
    ),
    Table.EXPIRED: Layout(schemas.EXPIRED, (), ("expiry",)),
    Table.SILVER: Layout(
        schemas.SILVER,
        ("event_date",),
        ("refine_seq", "partition", "offset", "kafka_timestamp", "timestamp", "job_version"),
    ),
    Table.SET_ASIDE: Layout(schemas.SET_ASIDE, ("ingest_date",), ("refine_seq", "partition", "offset", "timestamp")),
    Table.SENSOR_5MIN: Layout(
        schemas.SENSOR_5MIN, ("event_date",), ("window_start", "gold_seq", "batch_seq", "refine_seq")
    ),
    Table.LOCATION_HOURLY: Layout(schemas.LOCATION_HOURLY, ("event_date",), ("hour_start", "gold_seq", "batch_seq")),
    Table.DAILY_SUMMARY: Layout(schemas.DAILY_SUMMARY, ("event_date",), ("gold_seq", "batch_seq")),
}


def ensure_tables(lake: str) -> None:
    """Create the tables that are not there, and add the columns that those of an earlier release lack.

    Without Spark, which takes ten seconds for its first six tables.
    """
    for table, layout in LAYOUTS.items():
        settings = {
            "delta.dataSkippingStatsColumns": ",".join(layout.statistics),
            # Readers of a stream take in the log behind the last checkpoint at each batch.
            "delta.checkpointInterval": "10",
            # Maintenance cleans the log: a writer would do it under a reader that has stood still for longer.
            "delta.logRetentionDuration": f"interval {LOG_DAYS} days",
            "delta.enableExpiredLogCleanup": "false",
        }
        made = deltalake.DeltaTable.create(
            table.under(lake),
            to_arrow_schema(layout.schema, timezone="UTC"),
            mode="ignore",
            partition_by=list(layout.partitions),
            configuration=settings,
        )
        known = {field.name for field in made.schema().fields}
        if new := [field for field in layout.schema.fields if field.name not in known]:
            made.alter.add_columns([deltalake.Field.from_json(field.json()) for field in new])
            made.alter.set_table_properties(settings)


def read(spark: SparkSession, lake: str, table: Table) -> DataFrame:
    return spark.read.format("delta").load(table.under(lake))


def follow(spark: SparkSession, lake: str, table: Table, files_per_batch: int) -> DataFrame:
    """A stream of the rows that a table gains. Commits that rewrite rows (batch runs, retention) are passed over."""
    stream = spark.readStream.format("delta").option("skipChangeCommits", "true")
    return stream.option("maxFilesPerTrigger", files_per_batch).load(table.under(lake))


def stamp(seq: int, beside: str) -> Column:
    """`seq` as a column that reads the same in generated code whatever its value; `beside` is any text column.

    A literal number would be part of the code: each batch would be compiled anew and run cold. A text is passed by
    reference, and one that is joined to nothing of a column is not folded into a number beforehand.
    """
    return F.concat(F.lit(str(seq)), F.substring(F.coalesce(beside, F.lit("")), 1, 0)).cast("long")


# Under these names a commit's own record in the log has its sequence and the ledger entries that it is the reason of.
SEQUENCE, ENTRIES = "penstock.sequence", "penstock.entries"
REMEMBERED = 200


def app_of(pipeline: str, query: str) -> str:
    """Under which name a pipeline's query numbers its commits in a table's log."""
    return f"penstock/{pipeline}/{query}"


class Commits:
    """What a table's log says of its commits, and of those that `app` made. Read without Spark, in milliseconds."""

    def __init__(self, path: str, app: str) -> None:
        self._path, self._app = path, app

    @cached_property
    def delta(self) -> deltalake.DeltaTable:
        return deltalake.DeltaTable(self._path)

    def version(self) -> int:
        self.delta.update_incremental()
        return self.delta.version()

    def newest(self) -> int | None:
        """The newest sequence that `app` has committed."""
        self.delta.update_incremental()
        return self.delta.transaction_version(self._app)

    def hold(self, seq: int) -> bool:
        """Whether `app` has committed this sequence or a later one."""
        newest = self.newest()
        return newest is not None and newest >= seq

    def noted(self, seq: int) -> list[Entry] | None:
        """The entries that the commit with `seq` noted; None where it noted none, or many commits ago."""
        self.delta.update_incremental()
        for commit in self.delta.history(REMEMBERED):
            if commit.get(SEQUENCE) == str(seq) and ENTRIES in commit:
                return _entries(commit[ENTRIES])
        return None

    def noted_last(self) -> list[Entry]:
        """The entries that the last commit of `app` noted. `app` is a batch run's: its sequences are table versions.

        The version that is known stays the one that is known: a commit is made upon it, and another writer's would be
        lost under rows that were read before it. Raises ForgottenError when the log reaches back no further.
        """
        version = self.delta.transaction_version(self._app)
        if version is None:
            return []
        where, root = fs.FileSystem.from_uri(self._path)
        try:
            with where.open_input_stream(f"{root.rstrip('/')}/_delta_log/{version:020d}.json") as log:
                actions = [json.loads(line) for line in log.read().splitlines()]
        except FileNotFoundError as error:
            raise ForgottenError(f"what {self._app} changed in version {version} is not known any more") from error
        return _entries(next(action["commitInfo"][ENTRIES] for action in actions if "commitInfo" in action))

    def next_only(self, entries: Iterable[Entry]) -> CommitProperties:
        """Makes a commit of `app` become the version after the one that is known, or fail; it notes `entries`."""
        noted = json.dumps([astuple(entry) for entry in entries])
        transactions = [Transaction(self._app, self.delta.version() + 1)]
        return CommitProperties({ENTRIES: noted}, max_commit_retries=0, app_transactions=transactions)

    def commit_once(self, seq: int, write: Callable[[CommitProperties], None]) -> bool:
        """Have `write` make one commit that carries `seq`. False when `seq` is committed, by whomever.

        Where another writer was faster, `write` is called again on the table as it is then. Raises CommitFailedError
        when ten others were.
        """
        once = CommitProperties(app_transactions=[Transaction(self._app, seq)], max_commit_retries=0)
        for attempt in range(ATTEMPTS):
            if self.hold(seq):
                return False
            try:
                write(once)
                break
            except CommitFailedError:
                if attempt == ATTEMPTS - 1:
                    raise
        return True


def _entries(noted: str) -> list[Entry]:
    return [Entry(*values) for values in json.loads(noted)]
