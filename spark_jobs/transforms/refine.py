"""Accepted Bronze readings to Silver: duplicates, late readings and anomalies, judged per sensor in arrival order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, BooleanType, DoubleType, LongType, StringType, StructField, StructType

from spark_jobs.contracts import SensorTypeSpec
from spark_jobs.schemas import KAFKA_POSITION, READING
from spark_jobs.transforms.judging import MEMORY, NEVER, Judgement, Memory, Rules, judge

# Times and values travel packed (int64, float64): a column of lists that is mostly null costs Arrow 50 us a row.
MEMORY_FIELDS = [
    StructField("times", BinaryType()),
    StructField("values", BinaryType()),
    StructField("newest", LongType()),
    StructField("forgotten", LongType()),
]
MEMORY_SCHEMA = StructType([StructField("sensor_id", StringType()), *MEMORY_FIELDS])
READING_FIELDS = [*KAFKA_POSITION, *READING, StructField("seen", BooleanType())]
JUDGED = StructType(
    [*READING_FIELDS, *MEMORY_FIELDS, StructField("verdict", StringType()), StructField("score", DoubleType())]
)
ROWS_PER_BATCH = 50_000


def with_verdict(readings: DataFrame, memory: DataFrame, rules: Rules, partitions: int) -> DataFrame:
    """Judge a batch of readings against what is remembered of their sensors.

    In: readings with READING_FIELDS (`seen`: known to be in Silver or set aside), memory with MEMORY_SCHEMA, one row
    per sensor. Out: JUDGED, one row per reading with its verdict (judging.KEPT and so on) and score, and one row per
    sensor with the verdict MEMORY: the memory for the next batch.
    """
    union = readings.unionByName(memory, allowMissingColumns=True).repartition(partitions, "sensor_id")

    def judge_partition(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        received = list(batches)
        if received:
            yield from _judge_table(pa.Table.from_batches(received), rules)

    return union.mapInArrow(judge_partition, JUDGED)


def _judge_table(table: pa.Table, rules: Rules) -> Iterator[pa.RecordBatch]:
    table = table.combine_chunks()
    sensors = table["sensor_id"].combine_chunks().dictionary_encode()
    codes = np.asarray(sensors.indices).astype(np.int64)
    is_memory = np.asarray(table["offset"].is_null())
    readings, remembered = table.filter(pa.array(~is_memory)), table.filter(pa.array(is_memory))
    judgement = judge(
        codes[~is_memory],
        np.asarray(readings["offset"]),
        np.asarray(readings["timestamp"].cast(pa.int64())),
        np.asarray(readings["value"]),
        np.asarray(readings["seen"]),
        _memory_of(remembered, codes[is_memory], len(sensors.dictionary)),
        rules,
    )
    judged = readings.take(pa.array(judgement.order))
    judged = judged.append_column("verdict", pa.array(judgement.verdict, pa.string()))
    judged = judged.append_column("score", pa.array(judgement.score, from_pandas=True))
    yield from judged.to_batches(ROWS_PER_BATCH)
    yield from _memory_table(judged.schema, sensors.dictionary, judgement).to_batches(ROWS_PER_BATCH)


def _memory_of(rows: pa.Table, codes: np.ndarray, sensors: int) -> Memory:
    """The memory of all sensors of a partition by code, those seen for the first time with an empty one."""
    newest, forgotten = np.full(sensors, NEVER), np.full(sensors, NEVER)
    newest[codes] = np.asarray(rows["newest"])
    forgotten[codes] = np.asarray(rows["forgotten"])
    by_code = np.argsort(codes)
    times = [np.frombuffer(packed, np.int64) for packed in rows["times"].take(pa.array(by_code)).to_pylist()]
    values = [np.frombuffer(packed, np.float64) for packed in rows["values"].take(pa.array(by_code)).to_pylist()]
    lengths = np.zeros(sensors, np.int64)
    lengths[codes[by_code]] = [len(item) for item in times]
    return Memory(
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        times=np.concatenate([np.zeros(0, np.int64), *times]),
        values=np.concatenate([np.zeros(0), *values]),
        newest=newest,
        forgotten=forgotten,
    )


def _memory_table(schema: pa.Schema, names: pa.Array, judgement: Judgement) -> pa.Table:
    memory = judgement.memory
    filled = {
        "sensor_id": names,
        "times": _packed(memory.starts, memory.times),
        "values": _packed(memory.starts, memory.values),
        "newest": pa.array(memory.newest),
        "forgotten": pa.array(memory.forgotten),
        "verdict": pa.array([MEMORY] * len(names)),
    }
    columns = [filled[f.name].cast(f.type) if f.name in filled else pa.nulls(len(names), f.type) for f in schema]
    return pa.table(columns, schema=schema)


def _packed(starts: np.ndarray, items: np.ndarray) -> pa.Array:
    return pa.array([items[start:end].tobytes() for start, end in pairwise(starts)], pa.binary())


def with_anomalies(judged: DataFrame, types: Sequence[SensorTypeSpec], threshold: float) -> DataFrame:
    """Add `anomaly_score` and `anomaly_reasons`.

    In: score (dimensionless), sensor_type, value (the type's unit). Out: anomaly_reasons, an array (empty for a normal
    reading) of `zscore` (the score beyond `threshold` to either side), `below_normal`, `above_normal`,
    `below_physical`, `above_physical`. A type that the registry does not know has no ranges.
    """
    value, score = F.col("value"), F.col("score")
    reasons = [
        F.when(F.abs(score) > threshold, "zscore"),
        F.when(value < _bound(types, "normal_low"), "below_normal"),
        F.when(value > _bound(types, "normal_high"), "above_normal"),
        F.when(value < _bound(types, "physical_low"), "below_physical"),
        F.when(value > _bound(types, "physical_high"), "above_physical"),
    ]
    return judged.withColumn("anomaly_score", score).withColumn("anomaly_reasons", F.array_compact(F.array(*reasons)))


def _bound(types: Sequence[SensorTypeSpec], name: str) -> Column:
    if not types:
        return F.lit(None).cast("double")
    pairs = [(F.lit(spec.name), F.lit(float(getattr(spec, name)))) for spec in types]
    return F.try_element_at(F.create_map(*chain.from_iterable(pairs)), F.col("sensor_type"))


def memory_from_silver(silver: DataFrame, set_aside: DataFrame, rules: Rules, partitions: int) -> DataFrame:
    """What refine must remember after a restart, from what it has written.

    In: Silver and set-aside rows of earlier batches. Out: MEMORY_SCHEMA. `forgotten` is taken generously (the newest
    time of a sensor with more readings than the window): it costs a look-up, never a wrong verdict. Late readings that
    a batch run absorbed are in no window, and must be looked up as those that are deferred still.
    """
    late = silver.where("batch_run IS NOT NULL").select("sensor_id", "timestamp")
    silver = silver.where("batch_run IS NULL")
    by_arrival = Window.partitionBy("sensor_id").orderBy(F.desc("offset"))
    recent = silver.withColumn("age", F.row_number().over(by_arrival)).where(F.col("age") <= rules.window).drop("age")
    micros = F.unix_micros("timestamp")
    kept = silver.groupBy("sensor_id").agg(F.when(F.count("*") > rules.window, F.max(micros)).alias("beyond"))
    deferred = set_aside.where("reason = 'deferred'").select("sensor_id", "timestamp").unionByName(late)
    deferred = deferred.groupBy("sensor_id").agg(F.max(micros).alias("deferred"))
    never, nothing = F.lit(int(NEVER)), F.lit(b"")
    forgotten = kept.join(deferred, "sensor_id", "full").select(
        "sensor_id",
        nothing.alias("times"),
        nothing.alias("values"),
        never.alias("newest"),
        F.coalesce(F.greatest("beyond", "deferred"), never).alias("forgotten"),
    )
    readings = recent.withColumn("seen", F.lit(False)).select([field.name for field in READING_FIELDS])
    return memory_after(with_verdict(readings, forgotten, rules, partitions))


def memory_after(judged: DataFrame) -> DataFrame:
    """The rows of `with_verdict` that are the memory for the next batch."""
    return judged.where(F.col("verdict") == MEMORY).select([field.name for field in MEMORY_SCHEMA])
