"""Silver to Gold: figures per sensor and 5 minutes that can be merged, and the hours and days made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.contracts import SensorTypeSpec

WINDOW_SECONDS = 300
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def by_sensor_5min(silver: DataFrame, types: Sequence[SensorTypeSpec]) -> DataFrame:
    """Figures of each sensor and 5-minute window, of these rows alone.

    In: Silver columns. Out: schemas.SENSOR_5MIN without gold_seq, value_stddev, percentiles and health_pct, which
    `derived` adds once figures are merged. Type, location and unit are those of the latest arrival.
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
        expected_readings(types, F.col("latest.sensor_type")).alias("expected_readings"),
        "sketch",
        "refine_seq",
        F.to_date("window.start").alias("event_date"),
    )


def expected_readings(types: Sequence[SensorTypeSpec], sensor_type: Column) -> Column:
    """Readings that a sensor of this type owes in 5 minutes; null for a type that the registry does not know."""
    if not types:
        return F.lit(None).cast("double")
    pairs = [(F.lit(spec.name), F.lit(WINDOW_SECONDS / spec.expected_interval_seconds)) for spec in types]
    return F.try_element_at(F.create_map(*chain.from_iterable(pairs)), sensor_type)


def merged(left: str, right: str) -> dict[str, Column]:
    """Assignments that merge the mergeable figures of two rows, by their aliases; either may have no readings.

    Mean and squared deviations after Chan, Golub and LeVeque (1979), "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances"; sketches by KLL's own merge.
    """

    def both(name: str) -> tuple[Column, Column]:
        return F.col(f"{left}.{name}"), F.col(f"{right}.{name}")

    (n1, n2), (mean1, mean2), (m1, m2) = both("reading_count"), both("value_avg"), both("value_m2")
    (sketch1, sketch2), total, delta = both("sketch"), n1 + n2, mean2 - mean1
    return {
        "reading_count": total,
        "anomaly_count": sum(both("anomaly_count"), F.lit(0)),
        "value_avg": F.coalesce(mean1 + delta * n2 / F.nullif(total, F.lit(0)), mean1, mean2),
        "value_m2": F.coalesce(m1 + m2 + delta * delta * n1 * n2 / F.nullif(total, F.lit(0)), m1, m2),
        "value_min": F.least(*both("value_min")),
        "value_max": F.greatest(*both("value_max")),
        "sketch": F.when(sketch1.isNull(), sketch2)
        .when(sketch2.isNull(), sketch1)
        .otherwise(F.call_function("kll_sketch_merge_double", sketch1, sketch2)),
    }


def derived(of: Callable[[str], Column] = F.col) -> dict[str, Column]:
    """The figures that follow from mergeable ones: sample deviation, percentiles of the sketch, health in percent.

    `of` gives the mergeable figures by name. Health is the share of expected readings that came, at most 100; an open
    window fills up to its health.
    """
    percent = F.lit(100.0) * of("reading_count") / F.nullif(of("expected_readings"), F.lit(0.0))
    return {
        "value_stddev": F.when(of("reading_count") > 1, F.sqrt(of("value_m2") / (of("reading_count") - 1))),
        **{
            name: F.call_function("kll_sketch_get_quantile_double", of("sketch"), F.lit(rank))
            for name, rank in PERCENTILES.items()
        },
        "health_pct": F.least(F.lit(100.0), percent),
    }


def by_location_hourly(windows: DataFrame) -> DataFrame:
    """Hours of each location and sensor type. In: sensor_5min rows. Out: LOCATION_HOURLY less gold_seq."""
    hour = F.date_trunc("hour", "window_start")
    return _rolled_up(windows, [F.col("location"), F.col("sensor_type"), hour.alias("hour_start")], _sensors_seen())


def by_day(hours: DataFrame) -> DataFrame:
    """Days (UTC) of each location and sensor type. In: location_hourly rows. Out: DAILY_SUMMARY less gold_seq.

    `sensor_count` is the day's greatest hourly one.
    """
    return _rolled_up(hours, [F.col("location"), F.col("sensor_type")], F.max("sensor_count"))


def _sensors_seen() -> Column:
    return F.count_distinct(F.when(F.col("reading_count") > 0, F.col("sensor_id")))


def _rolled_up(rows: DataFrame, keys: list[Column], sensor_count: Column) -> DataFrame:
    """Merge many rows at once, the squared deviations about the mean of the row's group.

    Health is the mean of the rows' own, weighted by what they owed, so that a busy sensor does not hide a silent one.
    """
    n, mean, owed = F.col("reading_count"), F.col("value_avg"), F.col("expected_readings")
    # Means are taken from the group's smallest value: large values lie close together, and their squares would cancel.
    keyed = rows.select("*", *[key.alias(f"key_{i}") for i, key in enumerate(keys)])
    by = Window.partitionBy("event_date", *[f"key_{i}" for i in range(len(keys))])
    shifted = keyed.withColumn("shift", mean - F.min("value_min").over(by))
    total, shift = F.nullif(F.sum(n), F.lit(0)), F.col("shift")
    between = F.sum(n * shift * shift) - F.sum(n * shift) * F.sum(n * shift) / total
    figures = shifted.groupBy("event_date", *keys).agg(
        sensor_count.alias("sensor_count"),
        F.sum(n).alias("reading_count"),
        F.sum("anomaly_count").alias("anomaly_count"),
        (F.sum(mean * n) / total).alias("value_avg"),
        F.min("value_min").alias("value_min"),
        F.max("value_max").alias("value_max"),
        (F.sum("value_m2") + between).alias("value_m2"),
        F.sum(owed).alias("expected_readings"),
        (F.sum(F.col("health_pct") * owed) / F.nullif(F.sum(owed), F.lit(0.0))).alias("health_pct"),
        F.expr("kll_merge_agg_double(sketch)").alias("sketch"),
    )
    return figures.withColumns({name: column for name, column in derived().items() if name != "health_pct"})
