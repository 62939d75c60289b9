"""The reading as Spark sees it, from the same definition as its JSON Schema, and the columns of the lake's tables."""

from __future__ import annotations

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from spark_jobs.contracts import READING_FIELDS

CORRUPT = "_corrupt"

# As from_json reads it. Times stay text: only ISO-8601 with an offset is a time (see transforms.parse).
WIRE = StructType(
    [StructField(field.name, DoubleType() if field.kind == "number" else StringType()) for field in READING_FIELDS]
    + [StructField(CORRUPT, StringType())]
)

HEADERS = ArrayType(StructType([StructField("key", StringType()), StructField("value", BinaryType())]))

READING = [
    StructField("sensor_id", StringType()),
    StructField("sensor_type", StringType()),
    StructField("timestamp", TimestampType()),
    StructField("value", DoubleType()),
    StructField("unit", StringType()),
    StructField("location", StringType()),
]

KAFKA_POSITION = [
    StructField("topic", StringType()),
    StructField("partition", IntegerType()),
    StructField("offset", LongType()),
    StructField("kafka_timestamp", TimestampType()),
]

# `ingest_seq` = sequence(generation, batch) of the ingest query. `payload` is the raw message, kept for dead letters.
BRONZE = StructType(
    [
        StructField("ingest_seq", LongType()),
        *KAFKA_POSITION,
        StructField("reason", StringType()),
        *READING,
        StructField("key", BinaryType()),
        StructField("payload", BinaryType()),
        StructField("headers", HEADERS),
        StructField("disposition", StringType()),
        StructField("ingest_date", DateType()),
    ]
)

# One row for each hour of ingest, reason ("" for accepted) and Kafka partition that an expiry took from Bronze: `count`
# rows with offsets from `first_offset` to `last_offset`, both included. Expiry n holds once Bronze's log has the
# transaction n of it: before that it is no more than an intention.
EXPIRED = StructType(
    [
        StructField("expiry", LongType()),
        StructField("disposition", StringType()),
        StructField("ingest_date", DateType()),
        StructField("hour", TimestampType()),
        StructField("reason", StringType()),
        StructField("topic", StringType()),
        StructField("partition", IntegerType()),
        StructField("first_offset", LongType()),
        StructField("last_offset", LongType()),
        StructField("count", LongType()),
    ]
)

# `anomaly_score` is the z-score, dimensionless. `job_version` is the pipeline version that wrote the row. `batch_run`
# is the batch run that absorbed a late reading, which is in no other reading's window; null where the stream kept it.
SILVER = StructType(
    [
        StructField("refine_seq", LongType()),
        *KAFKA_POSITION,
        *READING,
        StructField("anomaly_score", DoubleType()),
        StructField("anomaly_reasons", ArrayType(StringType())),
        StructField("job_version", IntegerType()),
        StructField("batch_run", LongType()),
        StructField("event_date", DateType()),
    ]
)

SET_ASIDE = StructType(
    [
        StructField("refine_seq", LongType()),
        *KAFKA_POSITION,
        StructField("sensor_id", StringType()),
        StructField("timestamp", TimestampType()),
        StructField("reason", StringType()),
        StructField("ingest_date", DateType()),
    ]
)

# What every Gold table carries. `value_m2` (sum of squared deviations) and `sketch` (KLL) make two rows mergeable.
# `gold_seq` is the stream's commit that changed the row last (0 for none), `batch_seq` the table version in which a
# batch run made it anew (null for none): a row is new to the warehouse when either is.
GOLD_FIGURES = [
    StructField("reading_count", LongType()),
    StructField("anomaly_count", LongType()),
    StructField("value_avg", DoubleType()),
    StructField("value_min", DoubleType()),
    StructField("value_max", DoubleType()),
    StructField("value_stddev", DoubleType()),
    StructField("p50", DoubleType()),
    StructField("p95", DoubleType()),
    StructField("p99", DoubleType()),
    StructField("value_m2", DoubleType()),
    StructField("expected_readings", DoubleType()),
    StructField("health_pct", DoubleType()),
    StructField("sketch", BinaryType()),
    StructField("gold_seq", LongType()),
    StructField("batch_seq", LongType()),
]

# `refine_seq` is the newest row of Silver that the stream has counted here. Up to `fence_seq` a batch run has counted
# every row of the window (null for none), and the stream counts none of them again.
SENSOR_5MIN = StructType(
    [
        StructField("sensor_id", StringType()),
        StructField("sensor_type", StringType()),
        StructField("location", StringType()),
        StructField("unit", StringType()),
        StructField("window_start", TimestampType()),
        StructField("window_end", TimestampType()),
        *GOLD_FIGURES,
        StructField("refine_seq", LongType()),
        StructField("fence_seq", LongType()),
        StructField("event_date", DateType()),
    ]
)

LOCATION_HOURLY = StructType(
    [
        StructField("location", StringType()),
        StructField("sensor_type", StringType()),
        StructField("hour_start", TimestampType()),
        StructField("sensor_count", LongType()),
        *GOLD_FIGURES,
        StructField("event_date", DateType()),
    ]
)

DAILY_SUMMARY = StructType(
    [
        StructField("location", StringType()),
        StructField("sensor_type", StringType()),
        StructField("sensor_count", LongType()),
        *GOLD_FIGURES,
        StructField("event_date", DateType()),
    ]
)
