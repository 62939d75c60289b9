"""What a batch run sees of the days' readings while it writes them, and what it tells of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.contracts import Entry, Measure
from spark_jobs.transforms.hours import hour_of
from spark_jobs.transforms.judging import DUPLICATE
from spark_jobs.transforms.rejudging import IN_SILVER, ORPHAN


def figures(run: int) -> list[Any]:
    """Sums over what `with_record` gives. `flags`: readings of Silver that are flagged otherwise than they were."""
    verdict, flagged = F.col("verdict"), F.size("anomaly_reasons") > 0
    orphan, kept = verdict == ORPHAN, ~verdict.isin(DUPLICATE, ORPHAN)
    in_silver = F.coalesce(F.col("recorded") == IN_SILVER, F.lit(False))
    unknown = F.col("recorded").isNull() & ~orphan
    sums = {
        "read": ~orphan,
        "kept": kept,
        "duplicates": verdict == DUPLICATE,
        "orphans": orphan,
        "absorbed": kept & ~in_silver & (F.col("batch_run") == run),
        "anomalies": kept & flagged,
        "flags": kept & in_silver & (flagged != F.col("flagged")),
        "unknown": unknown,
    }
    found = [F.count_if(condition).alias(name) for name, condition in sums.items()]
    lost = F.when(orphan, F.to_date("timestamp"))
    found += [F.min(lost).alias("least"), F.max(lost).alias("greatest")]
    return [*found, F.min(F.when(unknown, F.unix_micros("kafka_timestamp"))).alias("unknown_since")]


def _summary(silver: DataFrame) -> Counter[tuple[int, str, str]]:
    """Ledger counts of Silver rows: late ones by both hours, flagged ones by sensor type."""
    ingest, event = (
        hour_of(column).alias(name)
        for column, name in (("kafka_timestamp", "ingest_hour"), ("timestamp", "event_hour"))
    )
    late, flagged = (
        F.col("batch_run").isNotNull().alias("late"),
        F.when(F.size("anomaly_reasons") > 0, F.col("sensor_type")),
    )
    rows = silver.where(late | flagged.isNotNull()).groupBy(ingest, event, late, flagged.alias("anomaly_of"))
    counts: Counter[tuple[int, str, str]] = Counter()
    for row in rows.count().collect():
        if row["late"]:
            counts[row["ingest_hour"], Measure.KEPT, ""] += row["count"]
            counts[row["ingest_hour"], Measure.DEFERRED, ""] -= row["count"]
            counts[row["event_hour"], Measure.SILVER, ""] += row["count"]
        if row["anomaly_of"] is not None:
            counts[row["event_hour"], Measure.ANOMALY, row["anomaly_of"]] += row["count"]
    return counts


def changes(before: DataFrame | None, after: DataFrame) -> list[Entry]:
    """Ledger entries of Silver rows that came, less those of rows that went."""
    counts = _summary(after)
    counts.subtract(_summary(before) if before is not None else {})
    return [Entry(hour, measure, count, detail) for (hour, measure, detail), count in counts.items() if count]


def summed(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each hour, measure and detail. One that has come to 0 stays: it must replace what was told."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for entry in entries:
        counts[entry.hour, entry.measure, entry.detail] += entry.count
    return [Entry(hour, measure, count, detail) for (hour, measure, detail), count in counts.items()]
