"""Kafka to Bronze: accepted readings and dead letters in one commit per micro-batch."""

from __future__ import annotations

import time
from collections import Counter

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Entry, Measure, Query, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.appended import AppendedTable
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.hours import HOUR, hour_of
from spark_jobs.transforms.parse import with_disposition


class Ingest:
    """The ingest query's source and what it does with a batch."""

    def __init__(self, spark: SparkSession, arguments: ContinuousArguments, telemetry: Telemetry) -> None:
        self._spark, self._arguments, self._telemetry = spark, arguments, telemetry
        app = tables.app_of(arguments.pipeline, Query.INGEST)
        self._bronze = AppendedTable(arguments.lake, Table.BRONZE, app, arguments.run_tag)

    def source(self) -> DataFrame:
        """Records with their disposition: here and not in `take`, the contract's plan is made once, not per batch."""
        records = (
            self._spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self._arguments.bootstrap_servers)
            .option("kafka.isolation.level", "read_committed")
            .option("kafka.max.partition.fetch.bytes", str(8 * 1024 * 1024))
            .option("subscribe", self._arguments.topic)
            .option("startingOffsets", "earliest")
            .option("failOnDataLoss", "true")
            .option("includeHeaders", "true")
            .option("maxOffsetsPerTrigger", str(self._arguments.max_offsets_per_trigger))
            .load()
        )
        return with_disposition(records)

    def take(self, records: DataFrame, batch: int) -> None:
        """Commit a batch to Bronze, once, and tell of it. In: what `with_disposition` gives."""
        started = time.monotonic()
        seq = sequence(self._arguments.generation, batch)
        replayed = self._bronze.hold(seq)
        if replayed:
            kafka, bronze = _by_hour(records), self._committed_counts(seq)
        else:
            kafka, bronze = self._write(records, seq)
        entries = [Entry(hour, Measure.KAFKA, count) for hour, count in kafka.items()]
        for (hour, reason), count in bronze.items():
            measure = Measure.DEAD_LETTER if reason else Measure.ACCEPTED
            entries.append(Entry(hour, measure, count, reason))
        self._telemetry.batch_committed(
            Query.INGEST,
            batch,
            entries,
            table_version=self._bronze.version(),
            rows_in=sum(kafka.values()),
            seconds=time.monotonic() - started,
            replayed=replayed,
        )

    def _write(self, records: DataFrame, seq: int) -> tuple[dict[int, int], Counter[tuple[int, str]]]:
        """Gives how many records Kafka had by hour, and how many rows the commit has by hour and reason."""
        seen = Observation()
        counted = records.observe(seen, F.count("*").alias("n"))
        self._bronze.append(counted.withColumn("ingest_seq", tables.stamp(seq, "topic")), seq)
        if not (count := seen.get["n"]):
            return {}, Counter()
        # From the files, as they were committed: what was observed is Kafka's side of the equation.
        bronze = _counted(self._bronze.written(seq, ["kafka_timestamp", "reason"]))
        hours = {hour for hour, _ in bronze}
        return {hours.pop(): count} if len(hours) == 1 else _by_hour(records), bronze

    def _committed_counts(self, seq: int) -> Counter[tuple[int, str]]:
        """Rows of a batch that is in Bronze, by hour and dead letter reason ("" for accepted)."""
        rows = tables.read(self._spark, self._arguments.lake, Table.BRONZE).where(F.col("ingest_seq") == seq)
        return _counted(rows.select("kafka_timestamp", "reason").toArrow())


def _counted(rows: pa.Table) -> Counter[tuple[int, str]]:
    hour = pl.col("kafka_timestamp").dt.epoch("s").floordiv(HOUR) * HOUR
    grouped = pl.DataFrame(rows).group_by(hour.alias("hour"), pl.col("reason").fill_null("")).len()
    return Counter({(at, reason): count for at, reason, count in grouped.iter_rows()})


def _by_hour(records: DataFrame) -> dict[int, int]:
    counts = records.groupBy(hour_of("kafka_timestamp").alias("hour")).count().collect()
    return {row["hour"]: row["count"] for row in counts}
