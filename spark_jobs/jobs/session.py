"""The Spark session of every job: the settings that Delta, streaming and one machine need."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from pyspark.sql import SparkSession

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # The default of 50 makes every commit read 50 tasks.
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    # KLL sketches are object aggregates: past 128 keys they would fall back to sorting.
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "1000000",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    "spark.sql.streaming.metricsEnabled": "true",
    # The defaults for local files start a process (chmod, readlink) for every file that they touch.
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    "spark.sql.streaming.stopTimeout": "60000",
    "spark.sql.parquet.compression.codec": "snappy",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Rows of a batch belong to few partitions: a file open for each costs less than sorting the rows.
    "spark.sql.maxConcurrentOutputFileWriters": "20",
    # Files are seen by the commit of the table's log alone, so tasks may leave them where they belong.
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "spark.cleaner.periodicGC.interval": "5min",
    # The default of 100 is less than three queries generate: each batch would compile its code anew.
    "spark.sql.codegen.cache.maxEntries": "2000",
}


# The optimizing compiler took half a core for minutes after a start, most of it for Spark's planner. At ten times the
# JVM's own thresholds it still compiles what runs for each row.
HOT_CODE_ONLY = (
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
)


def open_session(
    name: str, *, master: str, jars: Sequence[str] = (), memory: str = "2g", conf: Mapping[str, str] | None = None
) -> SparkSession:
    """Start Spark with `jars` (files) on the class path and a heap of `memory`, all of it taken at once.

    Heap pages are touched at the start, so that resident memory shows a leak instead of a heap that fills.
    Threads get 4 MiB of stack: a long Python traceback in a streaming query would overflow the default.
    """
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.appName(name).master(master).config("spark.driver.memory", memory)
    # Without the fifth option the JVM would interpret generated methods over 8 kB, such as the contract's.
    options = f"-Xss4m -Xms{memory} -XX:+AlwaysPreTouch -XX:+UseParallelGC -XX:-DontCompileHugeMethods {HOT_CODE_ONLY}"
    builder = builder.config("spark.driver.extraJavaOptions", options)
    if jars:
        builder = builder.config("spark.jars", ",".join(jars))
        builder = builder.config("spark.driver.extraClassPath", os.pathsep.join(jars))
    for key, value in {**SETTINGS, **(conf or {})}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    return session
