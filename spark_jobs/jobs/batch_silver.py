"""Bronze to Silver for whole days: their partitions made anew, and what was deferred absorbed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame, Observation, Row, SparkSession
from pyspark.sql import functions as F

from spark_jobs.applications import BatchArguments, StageName
from spark_jobs.contracts import MAX_FUTURE_SECONDS, BatchQuery, Entry, Measure, Query, Table
from spark_jobs.jobs import tables
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.context import Context, Days
from spark_jobs.jobs.rewritten import Overtaken, RewrittenTable, of_days, remove_absorbed
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.judging import DEFERRED, DUPLICATE, Rules
from spark_jobs.transforms.refine import with_anomalies
from spark_jobs.transforms.rejudging import IN_SILVER, ORPHAN, PLACE, records_of, rejudged, with_record

READINGS_PER_PARTITION = 250_000
ATTEMPTS = 5


class RefusedError(Exception):
    """Made anew, Silver would lose readings: nothing was changed."""


@dataclass(frozen=True)
class _Read:
    """One version of Silver and what belongs to it: refine has judged everything up to `frontier`."""

    version: int
    files: pl.DataFrame
    silver: DataFrame
    set_aside: DataFrame
    frontier: int


class BatchSilver:
    """One run's first stage. It may be done again at any point, by another attempt or another run."""

    def __init__(self, spark: SparkSession, arguments: BatchArguments, telemetry: Telemetry) -> None:
        self._spark, self._arguments, self._telemetry = spark, arguments, telemetry
        self._app = f"penstock/{arguments.pipeline}/batch/{arguments.run}"
        self._first, self._last = arguments.days
        low = datetime(self._first.year, self._first.month, self._first.day, tzinfo=UTC)
        self._days = Days(low, low + (self._last - self._first) + timedelta(days=1))
        self._rules = Rules(
            watermark=int(arguments.watermark_minutes * 60e6),
            window=arguments.zscore_window,
            minimum=arguments.zscore_minimum,
            max_age=int(arguments.zscore_max_age_days * 86400e6),
        )

    def run(self) -> Done:
        """Raises RefusedError, and Overtaken when the days' files were replaced again and again meanwhile."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._run()
            except Overtaken:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _run(self) -> Done:
        started = time.monotonic()
        table = RewrittenTable(self._arguments.lake, Table.SILVER, self._app, self._arguments.run_tag)
        read = self._read(table)
        expected = self._expected_readings()
        own = of_days(read.files, "event_date", self._first, self._last)
        if read.frontier < 0 or not (expected or len(own)):
            return Done()
        new, seen = self._write(table, read, expected)
        if seen["orphans"]:
            raise RefusedError(
                f"{seen['orphans']} readings of {seen['least']} to {seen['greatest']} are in Silver or set aside and "
                "not in Bronze any more: nothing was changed. Take days of which Bronze has everything, or "
                f"{StageName.SILVER_TO_GOLD} alone"
            )
        if own.is_empty() and not new:
            return Done(seen["read"])
        changes: list[Entry] = []
        if seen["absorbed"] or seen["flags"]:
            changes = _changes(_summary(read.silver.where(self._own_dates())), _summary(self._written(table, new)))
        entries = _sum([*table.noted_last(), *changes])
        table.swap(own, new, entries)
        removed = remove_absorbed(self._arguments.lake, self._app, *self._days, read.frontier)
        self._telemetry.batch_committed(
            BatchQuery.SILVER,
            self._arguments.run,
            entries,
            table_version=table.delta.transaction_version(self._app) or 0,
            rows_in=seen["read"],
            seconds=time.monotonic() - started,
            replayed=False,
        )
        detail = {name: seen[name] for name in ("duplicates", "absorbed", "anomalies")}
        return Done(seen["read"], seen["kept"], {**detail, "deferred": removed})

    def _read(self, table: RewrittenTable) -> _Read:
        """Silver first: of a batch that refine commits right now, what is set aside already is passed over."""
        version = table.version()
        frontier = table.delta.transaction_version(f"penstock/{self._arguments.pipeline}/{Query.REFINE}")
        frontier = -1 if frontier is None else frontier
        pinned = self._spark.read.format("delta").option("versionAsOf", version)
        set_aside = tables.read(self._spark, self._arguments.lake, Table.SET_ASIDE)
        return _Read(
            version,
            table.files(),
            pinned.load(Table.SILVER.under(self._arguments.lake)),
            set_aside.where(F.col("refine_seq") <= frontier),
            frontier,
        )

    def _expected_readings(self) -> int:
        """At most as many readings of the days are in Bronze, by the statistics of its files."""
        files = pl.DataFrame(
            pa.table(deltalake.DeltaTable(Table.BRONZE.under(self._arguments.lake)).get_add_actions(flatten=True))
        )
        if files.is_empty():
            return 0
        of_days = pl.col("partition.ingest_date") >= self._first_arrival().date()
        files = files.filter((pl.col("partition.disposition") == "accepted") & of_days)
        if "max.timestamp" in files.columns:
            outside = (pl.col("max.timestamp") < self._days.low) | (pl.col("min.timestamp") >= self._days.high)
            files = files.filter(~outside.fill_null(value=False))
        return int(files["num_records"].sum())

    def _first_arrival(self) -> datetime:
        return self._days.low - timedelta(seconds=MAX_FUTURE_SECONDS)

    def _own_dates(self) -> Any:
        return F.col("event_date").between(self._first, self._last)

    def _write(self, table: RewrittenTable, read: _Read, expected: int) -> tuple[list[AddAction], dict[str, Any]]:
        """Write the days' rows, uncommitted, and what was seen of them.

        Bronze may be ahead of refine. Readings that refine has not judged are left to it; there are none unless it is
        at these very days, and so they are looked for once they have been met.
        """
        bronze = tables.read(self._spark, self._arguments.lake, Table.BRONZE).where(
            (F.col("disposition") == "accepted") & (F.col("ingest_date") >= self._first_arrival().date())
        )
        readings = bronze.where(self._days.hold())
        name = f"{read.version}-{time.time_ns()}"
        new, seen = self._write_readings(table, read, readings, expected, name)
        if not seen["unknown"]:
            return new, seen
        judged = self._spark.createDataFrame(
            self._frontiers(read, seen["unknown_since"]), "topic string, partition int, last long"
        )
        # In a partition of which refine has judged nothing since then, what arrived earlier is all that it has judged.
        earlier = F.col("kafka_timestamp") < F.timestamp_micros(F.lit(seen["unknown_since"]))
        known = readings.join(F.broadcast(judged), ["topic", "partition"], "left")
        known = known.where(earlier | (F.col("offset") <= F.col("last"))).drop("last")
        return self._write_readings(table, read, known, expected, f"{name}-judged")

    def _frontiers(self, read: _Read, since: int) -> Sequence[Row]:
        """The last offset that refine has judged in each partition, of what arrived from `since` (epoch us) on."""
        places = [*PLACE, "kafka_timestamp"]
        judged = read.silver.select(places).unionByName(read.set_aside.select(places))
        judged = judged.where(F.col("kafka_timestamp") >= F.timestamp_micros(F.lit(since)))
        return judged.groupBy("topic", "partition").agg(F.max("offset").alias("last")).collect()

    def _write_readings(
        self, table: RewrittenTable, read: _Read, readings: DataFrame, expected: int, name: str
    ) -> tuple[list[AddAction], dict[str, Any]]:
        arguments, seen = self._arguments, Observation()
        own = read.silver.where(self._own_dates())
        set_aside = read.set_aside.where(self._days.hold())
        arrivals = ["sensor_id", "offset", "kafka_timestamp"]
        late = set_aside.where(F.col("reason") == DEFERRED).select(arrivals)
        late = late.unionByName(own.where("batch_run IS NOT NULL").select(arrivals))
        kept = read.silver.where("batch_run IS NULL")
        context = Context(kept, read.files, self._days, self._rules).rows(readings, late)
        partitions = max(self._spark.sparkContext.defaultParallelism, -(-expected // READINGS_PER_PARTITION))
        judged = rejudged(readings, context, records_of(own, set_aside), self._rules, partitions)
        judged = with_anomalies(judged, arguments.sensor_types, arguments.zscore_threshold)
        judged = with_record(judged, run=arguments.run, frontier=read.frontier)
        kept = judged.observe(seen, *_figures(arguments.run)).where(~F.col("verdict").isin(DUPLICATE, ORPHAN))
        kept = kept.withColumn("job_version", F.lit(arguments.version)).withColumn("event_date", F.to_date("timestamp"))
        new = table.write(kept, name)
        return new, seen.get

    def _written(self, table: RewrittenTable, new: Iterable[AddAction]) -> DataFrame:
        paths = [f"{Table.SILVER.under(self._arguments.lake)}/{file.path}" for file in new]
        return self._spark.read.schema(tables.LAYOUTS[Table.SILVER].schema).parquet(*paths)


def _figures(run: int) -> list[Any]:
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
        F.unix_seconds(F.date_trunc("hour", column)).alias(name)
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


def _changes(before: Counter[tuple[int, str, str]], after: Counter[tuple[int, str, str]]) -> list[Entry]:
    after.subtract(before)
    return [Entry(hour, measure, count, detail) for (hour, measure, detail), count in after.items() if count]


def _sum(entries: Iterable[Entry]) -> list[Entry]:
    """One entry for each hour, measure and detail. One that has come to 0 stays: it must replace what was told."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for entry in entries:
        counts[entry.hour, entry.measure, entry.detail] += entry.count
    return [Entry(hour, measure, count, detail) for (hour, measure, detail), count in counts.items()]
