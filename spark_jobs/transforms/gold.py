"""Gold rows merged with one another: a window with its later readings, and the hours and days made of windows.

Frames have the columns of `schemas`; which commit made a row is for the caller to stamp. Figures merge because each row
carries the mean, the sum of squared deviations and a KLL sketch. The sketches are those that Spark made: Apache
DataSketches are the same bytes in every language.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from datasketches import kll_doubles_sketch as Kll

WINDOW_KEY = ("sensor_id", "window_start")
ATTRIBUTES = ("sensor_type", "location", "unit", "window_end", "event_date", "expected_readings", "refine_seq")
RANKS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_n, _mean, _owed = pl.col("reading_count"), pl.col("value_avg"), pl.col("expected_readings")


def merged_windows(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The rows of both, where a sensor and window that both have becomes one; the new one says what the sensor is.

    In: SENSOR_5MIN rows, those of `new` as `by_sensor_5min` gives them. Rows that only `old` has come back unchanged,
    and a fence stays where it was.
    """
    key, new = list(WINDOW_KEY), new.drop("first_seq", strict=False)
    if "fence_seq" not in old.columns:
        old = old.with_columns(fence_seq=pl.lit(None, pl.Int64))
    if "batch_seq" not in old.columns:
        old = old.with_columns(batch_seq=pl.lit(None, pl.Int64))
    again = old.join(new, on=key, how="semi").select(new.columns)
    latest = new.select(*key, *ATTRIBUTES)
    figures = _merged(pl.concat([again, new]), key).drop("expected_readings", "health_pct")
    percent = 100 * _n / pl.when(_owed != 0).then(_owed)
    changed = figures.join(latest, on=key).join(old.select(*key, "fence_seq"), on=key, how="left")
    changed = changed.with_columns(health_pct=percent.clip(upper_bound=100.0))
    return pl.concat([old.join(new, on=key, how="anti"), changed], how="diagonal")


def by_location_hourly(windows: pl.DataFrame) -> pl.DataFrame:
    """Hours of each location and sensor type. In: SENSOR_5MIN rows. Out: LOCATION_HOURLY."""
    hours = windows.with_columns(hour_start=pl.col("window_start").dt.truncate("1h"))
    seen = pl.col("sensor_id").filter(_n > 0).n_unique()
    return _merged(hours, ["event_date", "location", "sensor_type", "hour_start"], sensor_count=seen)


def by_day(hours: pl.DataFrame) -> pl.DataFrame:
    """Days (UTC) of each location and sensor type. In: LOCATION_HOURLY rows. Out: DAILY_SUMMARY.

    `sensor_count` is the day's greatest hourly one.
    """
    return _merged(hours, ["event_date", "location", "sensor_type"], sensor_count=pl.col("sensor_count").max())


def _merged(rows: pl.DataFrame, keys: Sequence[str], **more: pl.Expr) -> pl.DataFrame:
    """One row per key, its figures those of all its readings.

    Squared deviations after Chan, Golub and LeVeque (1979), "Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances". Health is the mean of the rows' own, weighted by what they owed, so that a busy sensor does not
    hide a silent one.
    """
    total, low = pl.when(_n.sum() > 0).then(_n.sum()), pl.col("value_min").min()
    # Large values lie close together: their mean is taken from the smallest of them.
    mean = low + (_n * (_mean - low)).sum() / total
    owed = pl.when(_owed.sum() != 0).then(_owed.sum())
    health = pl.col("health_pct") if "health_pct" in rows.columns else pl.lit(None, pl.Float64)
    figures = rows.group_by(keys, maintain_order=True).agg(
        _n.sum(),
        pl.col("anomaly_count").sum(),
        mean.alias("value_avg"),
        low.alias("value_min"),
        pl.col("value_max").max(),
        pl.when(_n.sum() > 0).then(pl.col("value_m2").sum() + (_n * (_mean - mean) ** 2).sum()).alias("value_m2"),
        pl.when(_owed.is_not_null().any()).then(_owed.sum()).alias("expected_readings"),
        ((health * _owed).sum() / owed).alias("health_pct"),
        pl.col("sketch").drop_nulls().alias("sketches"),
        **more,
    )
    sketched = pl.DataFrame(
        [_sketched(sketches) for sketches in figures["sketches"].to_list()],
        schema={"sketch": pl.Binary, **dict.fromkeys(RANKS, pl.Float64)},
        orient="row",
    )
    deviation = (pl.col("value_m2") / (_n - 1)).sqrt()
    figures = figures.drop("sketches").hstack(sketched)
    return figures.with_columns(value_stddev=pl.when(_n > 1).then(deviation))


def _sketched(sketches: Sequence[bytes]) -> tuple[bytes | float | None, ...]:
    """The merged sketch and its percentiles; nulls where there is none."""
    if not sketches:
        return (None,) * (1 + len(RANKS))
    first, *others = (Kll.deserialize(sketch) for sketch in sketches)
    for other in others:
        first.merge(other)
    return first.serialize(), *first.get_quantiles(list(RANKS.values()), True)
