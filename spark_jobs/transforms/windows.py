"""Silver to Gold: figures per sensor and 5 minutes that `transforms.gold` can merge."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.contracts import SensorTypeSpec

WINDOW_SECONDS = 300


def by_sensor_5min(silver: DataFrame, types: Sequence[SensorTypeSpec]) -> DataFrame:
    """Figures of each sensor and 5-minute window, of these rows alone.

    In: Silver columns. Out: schemas.SENSOR_5MIN without what merging gives (value_stddev, percentiles, health_pct) or
    what is for the caller to stamp (gold_seq, batch_seq, fence_seq), and `first_seq`, each window's least refine_seq.
    Type, location and unit are those of the latest arrival.
    """
    start = F.window("timestamp", f"{WINDOW_SECONDS} seconds")
    flagged = F.size("anomaly_reasons") > 0
    latest = F.max_by(F.struct("sensor_type", "location", "unit"), "offset")
    grouped = silver.groupBy("sensor_id", start.alias("window")).agg(
        latest.alias("latest"),
        F.count("*").alias("reading_count"),
        F.count_if(flagged).alias("anomaly_count"),
        F.avg("value").alias("value_avg"),
        F.min("value").alias("value_min"),
        F.max("value").alias("value_max"),
        (F.var_pop("value") * F.count("*")).alias("value_m2"),
        F.expr("kll_sketch_agg_double(value)").alias("sketch"),
        F.max("refine_seq").alias("refine_seq"),
        F.min("refine_seq").alias("first_seq"),
    )
    return grouped.select(
        "sensor_id",
        "latest.*",
        F.col("window.start").alias("window_start"),
        F.col("window.end").alias("window_end"),
        "reading_count",
        "anomaly_count",
        "value_avg",
        "value_min",
        "value_max",
        "value_m2",
        _expected_readings(types, F.col("latest.sensor_type")).alias("expected_readings"),
        "sketch",
        "refine_seq",
        "first_seq",
        F.to_date("window.start").alias("event_date"),
    )


def owed_readings(types: Sequence[SensorTypeSpec]) -> dict[str, float]:
    """Readings that a sensor of each type owes in a window."""
    return {spec.name: WINDOW_SECONDS / spec.expected_interval_seconds for spec in types}


def _expected_readings(types: Sequence[SensorTypeSpec], sensor_type: Column) -> Column:
    """Null for a type that the registry does not know."""
    pairs = [F.lit(item) for pair in owed_readings(types).items() for item in pair]
    return F.try_element_at(F.create_map(*pairs), sensor_type) if pairs else F.lit(None).cast("double")
