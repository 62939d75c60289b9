"""Where Silver's days are not as they should be, without making them anew.

Most days lack only what was deferred. So the days' readings are judged again as `rejudging` does, but only what judging
needs travels to it, and only what Silver lacks comes back.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ByteType, DoubleType, LongType, StringType, StructField, StructType

from spark_jobs.transforms.judging import DUPLICATE, Rules
from spark_jobs.transforms.rejudging import (
    CONTEXT,
    CONTEXT_ROW,
    IN_SILVER,
    READING_ROW,
    WAS_DEFERRED,
    WAS_DUPLICATE,
    judged_rows,
)

IN_SILVER_BY_OTHERS = 0  # by another version's rules
LOG = ["log", "offset"]  # where a reading is, with one number for topic and partition
TALLIES = ("same", "same_flagged", "duplicates", "differing", "orphans")

# A reading that Silver lacks; or, with nothing else in it, a partition's tallies.
SURVEYED = StructType(
    [
        StructField("log", LongType()),
        StructField("offset", LongType()),
        StructField("recorded", ByteType()),
        StructField("refine_seq", LongType()),
        StructField("verdict", StringType()),
        StructField("score", DoubleType()),
        *(StructField(name, LongType()) for name in TALLIES),
    ]
)


def survey(
    readings: DataFrame,
    context: DataFrame,
    silver: DataFrame,
    set_aside: DataFrame,
    *,
    version: int,
    rules: Rules,
    partitions: int,
) -> DataFrame:
    """Hold the days' Silver against their readings.

    In: accepted Bronze rows of the days, CONTEXT rows of other days, the days' rows of Silver and of what is set aside.
    Out: SURVEYED. Listed is each reading that Silver is to have and has not (`recorded` and `refine_seq` as it was set
    aside), and each that nobody has judged yet (`recorded` null). Tallied are readings that Silver has as it should,
    those of them that are flagged, duplicates, readings that it has otherwise (another score, another version's), and
    records whose reading is not there or is none that Silver is to have.
    """
    flagged, nothing = F.size("anomaly_reasons") > 0, F.lit(None).cast("long")
    by = F.when(F.col("job_version") == version, IN_SILVER).otherwise(IN_SILVER_BY_OTHERS)
    was = F.when(F.col("reason") == DUPLICATE, WAS_DUPLICATE).otherwise(WAS_DEFERRED)
    place = log_of_place(), F.col("offset")
    kept = silver.select(*place, "sensor_id", F.col("anomaly_score").alias("value"), by, nothing, flagged)
    aside = set_aside.select(*place, "sensor_id", F.lit(None).cast("double"), was, "refine_seq", F.lit(False))
    records = kept.union(aside).toDF(*LOG, "sensor_id", "value", *_RECORDED)
    own = readings.select(*place, "sensor_id", "timestamp", "value")
    union = own.unionByName(context.select(*CONTEXT), True).unionByName(records, True)
    union = union.repartition(partitions, "sensor_id")

    def survey_partition(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        received = list(batches)
        if received:
            yield from _survey_table(pa.Table.from_batches(received), rules).to_batches()

    return union.mapInArrow(survey_partition, SURVEYED)


def log_of_place() -> Column:
    """`log` of rows that have topic and partition. Text costs more on its way than all numbers of a row together."""
    return F.xxhash64("topic", "partition").alias("log")


def _survey_table(table: pa.Table, rules: Rules) -> pa.Table:
    is_record = table["recorded"].is_valid()
    rows = table.filter(pc.invert(is_record)).select([*LOG, "sensor_id", "timestamp", "value"])
    kind = pc.if_else(rows["log"].is_valid(), READING_ROW, CONTEXT_ROW)
    judged = judged_rows(rows.append_column("kind", kind), rules)
    own = pl.DataFrame(judged.select([*LOG, "verdict", "score"]))
    records = pl.DataFrame(table.filter(is_record).select([*LOG, "value", *_RECORDED])).rename({"value": "was"})
    found = own.join(records, on=LOG, how="left", maintain_order="left")
    twice = len(found) - len(own)
    if twice:
        records = _silver_speaks(records)
        found = own.join(records, on=LOG, how="left", maintain_order="left")
        twice = len(found) - len(own)

    wanted, there = pl.col("verdict") != DUPLICATE, pl.col("recorded").is_in([IN_SILVER, IN_SILVER_BY_OTHERS])
    same = (pl.col("recorded") == IN_SILVER) & pl.col("score").eq_missing(pl.col("was"))
    claimed = pl.col("recorded") != WAS_DUPLICATE
    counts = found.select(
        same=(wanted & same).sum(),
        same_flagged=(wanted & same & pl.col("flagged")).sum(),
        duplicates=(~wanted & pl.col("recorded").is_not_null()).sum(),
        differing=(wanted & there & ~same).sum(),
        orphans=twice + len(records.filter(claimed)) - (wanted & claimed).sum().cast(pl.Int64),
    )
    listed = found.filter(pl.col("recorded").is_null() | (wanted & ~there))
    schema = to_arrow_schema(SURVEYED, timezone="UTC")
    return pa.concat_tables([_as_surveyed(listed, schema), _as_surveyed(counts, schema)])


_RECORDED = ["recorded", "refine_seq", "flagged"]


def _silver_speaks(records: pl.DataFrame) -> pl.DataFrame:
    """Of a reading that is in Silver and set aside, as a crash between two commits leaves it, what Silver says."""
    in_silver = pl.col("recorded").is_in([IN_SILVER, IN_SILVER_BY_OTHERS])
    kept = records.filter(in_silver)
    return pl.concat([kept, records.filter(~in_silver).join(kept, on=LOG, how="anti")])


def _as_surveyed(rows: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    found = rows.to_arrow()
    columns = [
        found[field.name].cast(field.type) if field.name in found.column_names else pa.nulls(len(found), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
