"""Kafka records to Bronze: every record is judged once, here."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.contracts import MAX_FUTURE_SECONDS, MAX_PAYLOAD_BYTES, READING_FIELDS, DeadLetterReason
from spark_jobs.schemas import CORRUPT, WIRE

TEXTS = [field.name for field in READING_FIELDS if field.kind != "number"]
NUMBERS = [field.name for field in READING_FIELDS if field.kind == "number"]

LOCAL_TIME = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"
OFFSET_TIME = LOCAL_TIME + r"([Zz]|[+-]\d{2}:?\d{2})$"


def with_disposition(records: DataFrame) -> DataFrame:
    """Judge Kafka records by the contract.

    In: key, value (binary), topic, partition, offset, timestamp (Kafka's own), headers. Out: the columns of
    schemas.BRONZE, ingest_seq aside; `reason` is null for accepted readings and `payload` for them is null.
    A time is compared with Kafka's timestamp, never with a wall clock, so that a replay judges alike.
    """
    text = F.col("value").cast("string")
    sized = F.length("value").between(1, MAX_PAYLOAD_BYTES)
    raw = records.withColumn("text", F.when(sized & F.is_valid_utf8(text), text))
    parsed = raw.withColumn("wire", F.from_json("text", WIRE, {"columnNameOfCorruptRecord": CORRUPT}))
    timed = parsed.withColumn("time", F.col("wire.timestamp").try_cast("timestamp"))
    timed = timed.withColumn("is_iso", _is_iso_with_offset(F.col("wire.timestamp")))
    return timed.withColumn("reason", _reason()).select(
        "topic",
        "partition",
        "offset",
        F.col("timestamp").alias("kafka_timestamp"),
        "reason",
        *[_accepted(f"wire.{name}").alias(name) for name in ("sensor_id", "sensor_type")],
        _accepted("time").alias("timestamp"),
        *[_accepted(f"wire.{name}").alias(name) for name in ("value", "unit", "location")],
        "key",
        F.when(F.col("reason").isNotNull(), F.col("value")).alias("payload"),
        "headers",
        F.when(F.col("reason").isNull(), "accepted").otherwise("dead_letter").alias("disposition"),
        F.to_date("timestamp").alias("ingest_date"),
    )


def _accepted(name: str) -> Column:
    return F.when(F.col("reason").isNull(), F.col(name))


def _reason() -> Column:
    """The first reason of the vocabulary that applies, or null."""
    why = DeadLetterReason
    wire = {field.name: F.col(f"wire.{field.name}") for field in READING_FIELDS}
    blank = _any(
        [column.isNull() if name in NUMBERS else F.coalesce(column, F.lit("")) == "" for name, column in wire.items()]
    )
    value, time, stamp = wire["value"], F.col("time"), wire["timestamp"]
    # from_json makes text of numbers and reads no further than the first object: what could be either is read again.
    # Bytes are cut without a look at each character, and `contains` is the cheapest of Spark's searches.
    but_last = F.substring("value", F.lit(1), F.length("value") - 1).cast("string")
    behind_brace = ~F.col("text").endswith("}") | but_last.contains("}")
    suspect = (
        behind_brace | ~F.col("is_iso") | _any([_may_be_no_string(wire[name]) for name in TEXTS if name != "timestamp"])
    )
    latest = F.col("timestamp") + F.expr(f"interval {MAX_FUTURE_SECONDS} seconds")
    verdicts = [
        (F.coalesce(F.length("value"), F.lit(0)) == 0, why.EMPTY),
        (F.length("value") > MAX_PAYLOAD_BYTES, why.TOO_LARGE),
        (F.col("text").isNull(), why.NOT_UTF8),
        (~F.ltrim("text").startswith("{"), why.MALFORMED_JSON),
        (F.col(f"wire.{CORRUPT}").isNotNull(), _reason_when_corrupt()),
        (blank, why.MISSING_FIELD),
        (suspect & ~_is_one_object(), why.MALFORMED_JSON),
        (suspect & _has_wrong_type(), why.WRONG_TYPE),
        (F.isnan(value) | (F.abs(value) == F.lit(float("inf"))), why.NOT_FINITE),
        (~F.col("is_iso") & stamp.rlike(LOCAL_TIME + "$"), why.NO_OFFSET),
        (~F.col("is_iso") | time.isNull(), why.BAD_TIMESTAMP),
        (time > latest, why.FUTURE_TIMESTAMP),
        (~F.col("key").cast("string").eqNullSafe(wire["sensor_id"]), why.WRONG_KEY),
    ]
    reason: Column = F.lit(None).cast("string")
    for applies, name in reversed(verdicts):
        reason = F.when(applies, name if isinstance(name, Column) else F.lit(str(name))).otherwise(reason)
    return reason


def _reason_when_corrupt() -> Column:
    """What from_json could not read: not JSON at all, or JSON with a missing field or one of the wrong type."""
    why = DeadLetterReason
    missing = _any([F.coalesce(_raw(field.name).cast("string"), F.lit("")) == "" for field in READING_FIELDS])
    return (
        F.when(~_is_one_object(), str(why.MALFORMED_JSON))
        .when(missing, str(why.MISSING_FIELD))
        .otherwise(str(why.WRONG_TYPE))
    )


def _is_iso_with_offset(stamp: Column) -> Column:
    """Whether a time is ISO-8601 with an offset: the usual form by its marks, any other by the pattern."""
    offset = stamp.endswith("Z") | F.substring(stamp, -6, 1).isin("+", "-")
    usual = (F.substring(stamp, 11, 1) == "T") & (F.substring(stamp, 17, 1) == ":") & (F.length(stamp) >= 20) & offset
    return F.coalesce(usual | stamp.rlike(OFFSET_TIME), F.lit(False))


def _may_be_no_string(text: Column) -> Column:
    """Whether from_json may have made this text of a number, a boolean, an object or an array."""
    return (text < ":") | text.startswith("{") | text.startswith("[") | text.isin("true", "false")


def _is_one_object() -> Column:
    """Whether `text` is one JSON object and nothing behind it: in brackets it must be an array of one."""
    wrapped = F.try_parse_json(F.concat(F.lit("["), F.col("text"), F.lit("]")))
    second = F.try_variant_get(wrapped, "$[1]", "variant")
    return wrapped.isNotNull() & second.isNull()


def _has_wrong_type() -> Column:
    return _any([~F.coalesce(F.schema_of_variant(_raw(name)), F.lit("VOID")).isin("STRING", "VOID") for name in TEXTS])


def _raw(name: str) -> Column:
    return F.try_variant_get(F.try_parse_json("text"), f"$.{name}", "variant")


def _any(conditions: list[Column]) -> Column:
    return reduce(lambda left, right: left | right, conditions)
