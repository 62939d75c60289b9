"""One version of a table, of which only the files that matter are read."""

from __future__ import annotations

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from spark_jobs.contracts import Table
from spark_jobs.jobs.tables import LAYOUTS


class Pinned:
    """A version's `files` (`path`, `num_records`, `min.*`, `max.*` and `partition.*` of each) and their rows.

    Spark's own reader goes through the whole log in a job for each scan: a day would cost more with every day before.
    """

    def __init__(self, spark: SparkSession, lake: str, table: Table, delta: deltalake.DeltaTable | None = None) -> None:
        self._spark, self._path = spark, table.under(lake)
        known = delta or deltalake.DeltaTable(self._path)
        self.version = known.version()
        self.files = pl.DataFrame(pa.table(known.get_add_actions(flatten=True)))
        self.stored: ds.Dataset = known.to_pyarrow_dataset()
        layout = LAYOUTS[table]
        self._schema = StructType([field for field in layout.schema if field.name not in layout.partitions])

    def rows(self, files: pl.DataFrame) -> DataFrame:
        """The rows of some of the files, without the columns that the table is partitioned by."""
        if files.is_empty():
            return self._spark.createDataFrame([], self._schema)
        return self._spark.read.schema(self._schema).parquet(*(f"{self._path}/{path}" for path in files["path"]))
