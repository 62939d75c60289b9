"""Bronze to Silver: one commit of kept readings and one of those set aside per micro-batch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Entry, Measure, Query, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.appended import AppendedTable
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.hours import HOUR, hour_of
from spark_jobs.transforms.judging import DEFERRED, DUPLICATE, KEPT, UNSURE, UNSURE_LATE, Rules
from spark_jobs.transforms.refine import READING_FIELDS, memory_after, memory_from_silver, with_anomalies, with_verdict

FILES_PER_BATCH = 24
KEY = ["sensor_id", "timestamp"]


class Refine:
    """The refine query's source, its memory of every sensor, and what it does with a batch."""

    def __init__(self, spark: SparkSession, arguments: ContinuousArguments, telemetry: Telemetry) -> None:
        self._spark, self._arguments, self._telemetry = spark, arguments, telemetry
        app = tables.app_of(arguments.pipeline, Query.REFINE)
        self._silver, self._set_aside = (
            AppendedTable(arguments.lake, table, app, arguments.run_tag) for table in (Table.SILVER, Table.SET_ASIDE)
        )
        self._rules = Rules(
            watermark=int(arguments.watermark_minutes * 60e6),
            window=arguments.zscore_window,
            minimum=arguments.zscore_minimum,
            max_age=int(arguments.zscore_max_age_days * 86400e6),
        )
        self._partitions = spark.sparkContext.defaultParallelism
        self._memory: DataFrame | None = None

    def source(self) -> DataFrame:
        stream = tables.follow(self._spark, self._arguments.lake, Table.BRONZE, FILES_PER_BATCH)
        return stream.where("disposition = 'accepted'")

    def take(self, accepted: DataFrame, batch: int) -> None:
        """Judge a batch, commit it to Silver and the set-aside table, once each, and tell of it.

        The two commits are not one: a crash between them is mended by the replay, whose verdicts are the same because
        it ignores rows of its own `refine_seq` and later ones.
        """
        started = time.monotonic()
        seq = sequence(self._arguments.generation, batch)
        spark = accepted.sparkSession
        if self._memory is None:
            self._memory = self._recall(spark, seq)
        readings = accepted.withColumn("seen", F.lit(False)).select([field.name for field in READING_FIELDS])
        judged = with_verdict(readings, self._memory, self._rules, self._partitions).persist()
        try:
            resolved = self._with_anomalies(judged.where(F.col("offset").isNotNull()))
            summary = self._summary(resolved)
            if any(row["verdict"] in (UNSURE, UNSURE_LATE) for row in summary):
                resolved, judged = self._resolve(spark, readings, judged, seq)
                summary = self._summary(resolved)
            replayed = self._silver.hold(seq)
            self._write(resolved, summary, seq)
            flagged = self._flagged(resolved) if replayed else self._silver.written(seq, FLAGGED)
            memory = memory_after(judged).localCheckpoint()
        finally:
            judged.unpersist()
        self._memory = memory
        self._telemetry.batch_committed(
            Query.REFINE,
            batch,
            _entries(summary, flagged),
            table_version=self._silver.version(),
            rows_in=sum(row["n"] for row in summary),
            seconds=time.monotonic() - started,
            replayed=replayed,
        )

    def _recall(self, spark: SparkSession, seq: int) -> DataFrame:
        """The memory from the rows written before `seq`."""
        set_aside, silver = self._earlier(spark, seq)
        return memory_from_silver(silver, set_aside, self._rules, self._partitions).localCheckpoint()

    def _earlier(self, spark: SparkSession, seq: int) -> tuple[DataFrame, DataFrame]:
        """Rows of the set-aside table and of Silver, read in this order: batch runs move them from one to the other."""
        lake, before = self._arguments.lake, F.col("refine_seq") < seq
        set_aside = tables.read(spark, lake, Table.SET_ASIDE).where(before)
        return set_aside, tables.read(spark, lake, Table.SILVER).where(before)

    def _resolve(
        self, spark: SparkSession, readings: DataFrame, judged: DataFrame, seq: int
    ) -> tuple[DataFrame, DataFrame]:
        """Look up what the memory could not decide. Returns the readings with final verdicts, and what was judged.

        A reading that is late either way changes no other verdict. Any other must be known before its sensor's later
        readings are judged: then the batch is judged again.
        """
        unclear = judged.where(F.col("verdict").isin(UNSURE, UNSURE_LATE))
        doubts = unclear.select("sensor_id", F.unix_micros("timestamp").alias("time"), *_POSITION, "verdict").collect()
        known = self._known(spark, doubts, seq)
        marks = spark.createDataFrame(known, "partition int, offset long, known boolean")
        if any(row["verdict"] == UNSURE for row in doubts):
            marked = readings.drop("seen").join(F.broadcast(marks), _POSITION, "left")
            marked = marked.withColumn("seen", F.coalesce("known", F.lit(False)))
            assert self._memory is not None
            judged.unpersist()
            judged = with_verdict(
                marked.select(readings.columns), self._memory, self._rules, self._partitions
            ).persist()
        resolved = judged.where(F.col("offset").isNotNull())
        if known:
            resolved = resolved.join(F.broadcast(marks), _POSITION, "left")
        is_known = F.col("known").isNotNull() if known else F.lit(False)
        verdict = (
            F.when(F.col("verdict") == UNSURE, KEPT)
            .when((F.col("verdict") == UNSURE_LATE) & is_known, DUPLICATE)
            .when(F.col("verdict") == UNSURE_LATE, DEFERRED)
            .otherwise(F.col("verdict"))
        )
        return self._with_anomalies(resolved.withColumn("verdict", verdict)), judged

    def _with_anomalies(self, judged: DataFrame) -> DataFrame:
        return with_anomalies(judged, self._arguments.sensor_types, self._arguments.zscore_threshold)

    def _known(self, spark: SparkSession, doubts: Sequence[Row], seq: int) -> list[tuple[int, int, bool]]:
        """Positions of the doubtful readings whose sensor and time Silver or the set-aside table has already."""
        times = [row["time"] for row in doubts]
        low, high = F.timestamp_micros(F.lit(min(times))), F.timestamp_micros(F.lit(max(times)))
        set_aside, silver = self._earlier(spark, seq)
        silver = silver.where(F.col("event_date").between(F.to_date(low), F.to_date(high)))
        deferred = set_aside.where(F.col("reason") == DEFERRED)
        before = silver.select(KEY).unionByName(deferred.select(KEY)).where(F.col("timestamp").between(low, high))
        sought = spark.createDataFrame(
            [(row["sensor_id"], row["time"]) for row in doubts], "sensor_id string, time long"
        )
        found = before.withColumn("time", F.unix_micros("timestamp")).join(
            F.broadcast(sought.distinct()), ["sensor_id", "time"], "left_semi"
        )
        pairs = {(row["sensor_id"], row["time"]) for row in found.select("sensor_id", "time").collect()}
        return [(row["partition"], row["offset"], True) for row in doubts if (row["sensor_id"], row["time"]) in pairs]

    def _summary(self, resolved: DataFrame) -> list[Row]:
        """Counts by verdict, hour of ingest and hour of the event."""
        return (
            resolved.groupBy(
                "verdict",
                hour_of("kafka_timestamp").alias("ingest_hour"),
                hour_of("timestamp").alias("event_hour"),
            )
            .agg(F.count("*").alias("n"))
            .collect()
        )

    def _flagged(self, resolved: DataFrame) -> pa.Table:
        """Of the readings that are kept, what `FLAGGED` names."""
        return resolved.where(F.col("verdict") == KEPT).select(FLAGGED).toArrow()

    def _write(self, resolved: DataFrame, summary: Sequence[Row], seq: int) -> None:
        written = resolved.withColumn("refine_seq", tables.stamp(seq, "topic"))
        if any(row["verdict"] != KEPT for row in summary):
            aside = written.where(F.col("verdict") != KEPT).withColumn("reason", F.col("verdict"))
            aside = aside.withColumn("ingest_date", F.to_date("kafka_timestamp"))
            self._set_aside.append(aside, seq)
        kept = written.where(F.col("verdict") == KEPT).withColumn("event_date", F.to_date("timestamp"))
        kept = kept.withColumn("job_version", F.lit(self._arguments.version))
        kept = kept.withColumn("batch_run", F.lit(None).cast("long"))
        self._silver.append(kept, seq)


_POSITION = ["partition", "offset"]
FLAGGED = ["timestamp", "sensor_type", "anomaly_reasons"]
_MEASURES = {KEPT: Measure.KEPT, DUPLICATE: Measure.DUPLICATE, DEFERRED: Measure.DEFERRED}


def _entries(summary: Sequence[Row], kept: pa.Table) -> list[Entry]:
    """`kept` has what FLAGGED names of Silver's rows: their flags are counted where they are, and not made again."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for row in summary:
        counts[row["ingest_hour"], Measure.REFINED, ""] += row["n"]
        counts[row["ingest_hour"], _MEASURES[row["verdict"]], ""] += row["n"]
        if row["verdict"] == KEPT:
            counts[row["event_hour"], Measure.SILVER, ""] += row["n"]
    flagged = pl.DataFrame(kept).filter(pl.col("anomaly_reasons").list.len() > 0)
    hour = pl.col("timestamp").dt.epoch("s").floordiv(HOUR) * HOUR
    for at, kind, count in flagged.group_by(hour.alias("hour"), "sensor_type").len().iter_rows():
        counts[at, Measure.ANOMALY, kind] += count
    return [Entry(hour, measure, count, detail) for (hour, measure, detail), count in counts.items()]
