"""Kafka to Bronze: accepted readings and dead letters in one commit per micro-batch."""

from __future__ import annotations

import time
from collections import Counter

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, DeadLetterReason, Entry, Measure, Query, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.parse import with_disposition


class Ingest:
    """The ingest query's source and what it does with a batch."""

    def __init__(self, spark: SparkSession, arguments: ContinuousArguments, telemetry: Telemetry) -> None:
        self._spark, self._arguments, self._telemetry = spark, arguments, telemetry
        self._path = Table.BRONZE.under(arguments.lake)
        self._app = f"penstock/{arguments.pipeline}/{Query.INGEST}"

    def source(self) -> DataFrame:
        return (
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

    def take(self, records: DataFrame, batch: int) -> None:
        """Commit a batch to Bronze, once, and tell of it."""
        started = time.monotonic()
        seq = sequence(self._arguments.generation, batch)
        replayed = tables.committed(self._spark, self._path, self._app).txn >= seq
        if replayed:
            kafka = _count_by_hour(records)
            bronze = self._committed_counts(seq)
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
            table_version=tables.committed(self._spark, self._path, self._app).version,
            rows_in=sum(kafka.values()),
            seconds=time.monotonic() - started,
            replayed=replayed,
        )

    def _write(self, records: DataFrame, seq: int) -> tuple[dict[int, int], Counter[tuple[int, str]]]:
        read, judged = Observation(), Observation()
        hour = F.unix_seconds(F.date_trunc("hour", "timestamp"))
        counted = records.observe(read, F.count("*").alias("n"), F.min(hour).alias("low"), F.max(hour).alias("high"))
        sums = [F.count_if(F.col("reason") == str(why)).alias(str(why)) for why in DeadLetterReason]
        rows = with_disposition(counted).observe(judged, F.count_if(F.col("reason").isNull()).alias("accepted"), *sums)
        tables.append_once(rows.withColumn("ingest_seq", tables.stamp(seq, "topic")), self._path, self._app, seq)
        seen, found = read.get, judged.get
        if seen["n"] and seen["low"] != seen["high"]:
            return _count_by_hour(records), self._committed_counts(seq)
        only = seen["low"] or 0
        counts = {(only, "" if name == "accepted" else name): count for name, count in found.items() if count}
        return {only: seen["n"]}, Counter(counts)

    def _committed_counts(self, seq: int) -> Counter[tuple[int, str]]:
        """Rows of a batch that is in Bronze, by hour and dead letter reason ("" for accepted)."""
        rows = tables.read(self._spark, self._arguments.lake, Table.BRONZE).where(F.col("ingest_seq") == seq)
        hour = F.unix_seconds(F.date_trunc("hour", "kafka_timestamp")).alias("hour")
        counted = rows.groupBy(hour, F.coalesce("reason", F.lit("")).alias("reason")).count().collect()
        return Counter({(row["hour"], row["reason"]): row["count"] for row in counted})


def _count_by_hour(records: DataFrame) -> dict[int, int]:
    hour = F.unix_seconds(F.date_trunc("hour", "timestamp")).alias("hour")
    return {row["hour"]: row["count"] for row in records.groupBy(hour).count().collect()}
