"""Bronze readings of whole days judged again, the deferred ones absorbed: what the stream gives, and those.

A day's readings are judged together with their context, the kept readings of other days that stand in their windows or
show that they are late, and with the records of what the stream has said of them. In arrival order all are judged by
the stream's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import (
    BooleanType,
    ByteType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from spark_jobs.schemas import KAFKA_POSITION, READING
from spark_jobs.transforms.judging import DEFERRED, DUPLICATE, NEVER, Memory, Rules, judge
from spark_jobs.transforms.refine import ROWS_PER_BATCH

PLACE = ["topic", "partition", "offset"]
IN_SILVER, WAS_DEFERRED, WAS_DUPLICATE = 1, 2, 3
ORPHAN = "orphan"
READING_ROW, CONTEXT_ROW, RECORD_ROW = 0, 1, 2

# What is known of a reading from Silver (`batch_run` and `flagged` as they are there) or the set-aside table.
RECORD = StructType(
    [
        StructField("topic", StringType()),
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("sensor_id", StringType()),
        StructField("timestamp", TimestampType()),
        StructField("recorded", ByteType()),
        StructField("refine_seq", LongType()),
        StructField("batch_run", LongType()),
        StructField("flagged", BooleanType()),
    ]
)
CONTEXT = ["sensor_id", "offset", "timestamp", "value"]
_KNOWN = [field for field in RECORD if field.name not in {*PLACE, "sensor_id", "timestamp"}]
REJUDGED = StructType(
    [*KAFKA_POSITION, *READING, *_KNOWN, StructField("verdict", StringType()), StructField("score", DoubleType())]
)
_COLUMNS = [field.name for field in (*KAFKA_POSITION, *READING)]


def records_of(silver: DataFrame, set_aside: DataFrame) -> DataFrame:
    """RECORD of every reading that Silver or the set-aside table has; of one in both, Silver's."""
    kept = _record(silver, F.lit(IN_SILVER), F.col("batch_run"), F.size("anomaly_reasons") > 0)
    was = F.when(F.col("reason") == DUPLICATE, WAS_DUPLICATE).otherwise(WAS_DEFERRED)
    aside = _record(set_aside, was, F.lit(None), F.lit(False))
    # Few are set aside, and a crash behind Silver's commit leaves in both what a batch run absorbed.
    return kept.unionByName(aside)


def _record(rows: DataFrame, recorded: Column, batch_run: Column, flagged: Column) -> DataFrame:
    return rows.select(
        *PLACE,
        "sensor_id",
        "timestamp",
        recorded.cast("byte").alias("recorded"),
        "refine_seq",
        batch_run.cast("long").alias("batch_run"),
        flagged.alias("flagged"),
    )


def rejudged(readings: DataFrame, context: DataFrame, records: DataFrame, rules: Rules, partitions: int) -> DataFrame:
    """Judge readings as the stream did, and score the late ones, too, against the window that they met.

    In: accepted Bronze rows; CONTEXT rows, none of them of these days; RECORD rows. Out: REJUDGED, one row per reading:
    verdict `kept`, `duplicate` or `deferred`, its score, and its record (nulls where there is none); and one row with
    the verdict ORPHAN for each record in Silver or deferred whose reading is not among those that Silver is to have.
    """
    kinds = [
        readings.select(*_COLUMNS).withColumn("kind", F.lit(READING_ROW).cast("byte")),
        context.select(*CONTEXT).withColumn("kind", F.lit(CONTEXT_ROW).cast("byte")),
        records.withColumn("kind", F.lit(RECORD_ROW).cast("byte")),
    ]
    union = kinds[0].unionByName(kinds[1], True).unionByName(kinds[2], True).repartition(partitions, "sensor_id")

    def judge_partition(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        received = list(batches)
        if received:
            yield from _judge_table(pa.Table.from_batches(received), rules).to_batches(ROWS_PER_BATCH)

    return union.mapInArrow(judge_partition, REJUDGED)


def _judge_table(table: pa.Table, rules: Rules) -> pa.Table:
    kind = np.asarray(table["kind"].combine_chunks())
    records = table.filter(pa.array(kind == RECORD_ROW))
    judged = judged_rows(
        table.filter(pa.array(kind != RECORD_ROW)).drop_columns([field.name for field in _KNOWN]), rules
    )
    known = pl.DataFrame(records.select([*PLACE, *(field.name for field in _KNOWN)]))
    known = known.with_row_index("record").sort("recorded").unique(PLACE, keep="first", maintain_order=True)
    own = pl.DataFrame(judged.select([*PLACE, "verdict"]))
    found = own.join(known, on=PLACE, how="left", maintain_order="left")
    for field in _KNOWN:
        judged = judged.append_column(field.name, found[field.name].to_arrow())
    schema = to_arrow_schema(REJUDGED, timezone="UTC")
    judged = judged.select(schema.names).cast(schema)

    wanted = own.filter(pl.col("verdict") != DUPLICATE)
    lost = known.filter(pl.col("recorded") != WAS_DUPLICATE).join(wanted, on=PLACE, how="anti")
    orphans = records.take(pa.array(lost["record"].to_numpy().astype(np.int64)))
    columns = [
        pa.array([ORPHAN] * len(orphans), pa.string())
        if field.name == "verdict"
        else orphans[field.name].cast(field.type)
        if field.name in orphans.column_names
        else pa.nulls(len(orphans), field.type)
        for field in schema
    ]
    return pa.concat_tables([judged, pa.table(columns, schema=schema)])


def judged_rows(rows: pa.Table, rules: Rules) -> pa.Table:
    """The readings among rows of these two kinds, in arrival order, with `verdict` and `score`; context is left out."""
    rows = rows.combine_chunks()
    sensors = rows["sensor_id"].combine_chunks().dictionary_encode()
    count = len(sensors.dictionary)
    nothing = Memory(
        starts=np.zeros(count + 1, np.int64),
        times=np.zeros(0, np.int64),
        values=np.zeros(0),
        newest=np.full(count, NEVER),
        forgotten=np.full(count, NEVER),
    )
    judgement = judge(
        np.asarray(sensors.indices).astype(np.int64),
        np.asarray(rows["offset"]),
        np.asarray(rows["timestamp"].cast(pa.int64())),
        np.asarray(rows["value"]),
        np.zeros(len(rows), bool),
        nothing,
        rules,
        score_late=True,
    )
    own = np.asarray(rows["kind"])[judgement.order] == READING_ROW
    judged = rows.take(pa.array(judgement.order[own])).drop_columns(["kind"])
    judged = judged.append_column("verdict", pa.array(judgement.verdict[own], pa.string()))
    return judged.append_column("score", pa.array(judgement.score[own], from_pandas=True))


def with_record(judged: DataFrame, *, run: int, frontier: int) -> DataFrame:
    """Readings that Silver is to have, with `refine_seq` and `batch_run` as it shall have them.

    In: REJUDGED without duplicates and orphans. A reading keeps what Silver says of it; one that was deferred becomes
    the run's; one that was lost is made as the stream would have, and counts as judged by `frontier`, the newest
    sequence that refine has committed.
    """
    late = (F.col("recorded") == WAS_DEFERRED) | (F.col("recorded").isNull() & (F.col("verdict") == DEFERRED))
    absorbed = F.when(F.col("recorded") == IN_SILVER, F.col("batch_run")).when(late, F.lit(run).cast("long"))
    return judged.withColumn("batch_run", absorbed).withColumn(
        "refine_seq", F.coalesce("refine_seq", F.lit(frontier).cast("long"))
    )
