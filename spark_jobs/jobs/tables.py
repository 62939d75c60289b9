"""The lake's Delta tables: how they are made, and writes that a replay cannot repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

import deltalake
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from spark_jobs import schemas
from spark_jobs.contracts import Table

TXN_APP = "spark.databricks.delta.write.txnAppId"
TXN_VERSION = "spark.databricks.delta.write.txnVersion"


class Layout(NamedTuple):
    """`statistics` names the columns by which files are skipped; every other column would only slow the writes."""

    schema: StructType
    partitions: tuple[str, ...]
    statistics: tuple[str, ...]


LAYOUTS = {
    Table.BRONZE: Layout(
        schemas.BRONZE, ("disposition", "ingest_date"), ("ingest_seq", "partition", "offset", "kafka_timestamp")
    ),
    Table.SILVER: Layout(
        schemas.SILVER, ("event_date",), ("refine_seq", "partition", "offset", "kafka_timestamp", "timestamp")
    ),
    Table.SET_ASIDE: Layout(schemas.SET_ASIDE, ("ingest_date",), ("refine_seq", "partition", "offset", "timestamp")),
    Table.SENSOR_5MIN: Layout(schemas.SENSOR_5MIN, ("event_date",), ("window_start", "gold_seq", "refine_seq")),
    Table.LOCATION_HOURLY: Layout(schemas.LOCATION_HOURLY, ("event_date",), ("hour_start", "gold_seq")),
    Table.DAILY_SUMMARY: Layout(schemas.DAILY_SUMMARY, ("event_date",), ("gold_seq",)),
}


# Spark appends to these, and compacts their small files as they gather.
COMPACTED = frozenset({Table.BRONZE, Table.SILVER, Table.SET_ASIDE})


def ensure_tables(lake: str) -> None:
    """Create the tables that are not there. Without Spark, which takes ten seconds for its first six tables."""
    for table, layout in LAYOUTS.items():
        settings = {
            "delta.dataSkippingStatsColumns": ",".join(layout.statistics),
            "delta.autoOptimize.autoCompact": str(table in COMPACTED).lower(),
            "delta.logRetentionDuration": "interval 7 days",
        }
        deltalake.DeltaTable.create(
            table.under(lake),
            to_arrow_schema(layout.schema, timezone="UTC"),
            mode="ignore",
            partition_by=list(layout.partitions),
            configuration=settings,
        )


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

    def hold(self, seq: int) -> bool:
        """Whether `app` has committed this sequence or a later one."""
        self.delta.update_incremental()
        txn = self.delta.transaction_version(self._app)
        return txn is not None and txn >= seq


@contextmanager
def written_once(spark: SparkSession, app: str, txn: int) -> Iterator[None]:
    """Delta skips a write within, of an app that has written this txn already; two at once conflict."""
    spark.conf.set(TXN_APP, app)
    spark.conf.set(TXN_VERSION, str(txn))
    try:
        yield
    finally:
        spark.conf.unset(TXN_APP)
        spark.conf.unset(TXN_VERSION)


def append_once(rows: DataFrame, path: str, app: str, txn: int) -> None:
    with written_once(rows.sparkSession, app, txn):
        rows.write.format("delta").mode("append").save(path)
