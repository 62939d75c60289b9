"""Bronze to Silver for whole days: judged again, the deferred absorbed, and made anew where Silver is otherwise."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame, Observation, Row, SparkSession
from pyspark.sql import functions as F

from spark_jobs.applications import BatchArguments, StageName
from spark_jobs.contracts import MAX_FUTURE_SECONDS, BatchQuery, Entry, Query, Table
from spark_jobs.jobs import batch_figures, tables
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.context import Context, Days
from spark_jobs.jobs.pinned import Pinned
from spark_jobs.jobs.rewritten import Overtaken, RewrittenTable, of_days, remove_absorbed
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.judging import DEFERRED, DUPLICATE, Rules
from spark_jobs.transforms.refine import with_anomalies
from spark_jobs.transforms.rejudging import ORPHAN, PLACE, records_of, rejudged, with_record
from spark_jobs.transforms.surveying import LOG, TALLIES, log_of_place, survey

READINGS_PER_PARTITION = 125_000
FEW = 10  # rows are added to days that lack less than one in as many
ATTEMPTS = 5


class RefusedError(Exception):
    """Made anew, Silver would lose readings: nothing was changed."""


@dataclass(frozen=True)
class _Read:
    """One version of each table: `own` are Silver's files of the days, `readings` Bronze's, at most `expected`.

    Refine has judged everything up to the sequence `frontier`.
    """

    silver: Pinned
    own: pl.DataFrame
    set_aside: DataFrame
    bronze: Pinned
    readings: DataFrame
    expected: int
    frontier: int


@dataclass(frozen=True)
class _Change:
    """Files that go, files that come (written, and seen by nobody yet), and figures of the days as they will be."""

    old: pl.DataFrame
    new: list[AddAction]
    seen: Mapping[str, Any]


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
        own = read.own
        if read.frontier < 0 or not (read.expected or len(own)):
            return Done()
        change = self._change(table, read)
        seen = change.seen
        if seen["orphans"]:
            raise RefusedError(
                f"{seen['orphans']} readings of {seen['least']} to {seen['greatest']} are in Silver or set aside and "
                "not in Bronze any more: nothing was changed. Take days of which Bronze has everything, or "
                f"{StageName.SILVER_TO_GOLD} alone"
            )
        if own.is_empty() and not change.new:
            return Done(seen["read"])
        changes: list[Entry] = []
        if seen["absorbed"] or seen["flags"]:
            before = read.silver.rows(own) if len(change.old) else None
            changes = batch_figures.changes(before, self._written(table, change.new))
        entries = batch_figures.summed([*table.noted_last(), *changes])
        if change.new or len(change.old):
            table.swap(change.old, change.new, entries, own=own, days=self._arguments.days, frontier=read.frontier)
        removed = remove_absorbed(self._arguments.lake, self._app, *self._days, read.frontier)
        self._telemetry.batch_committed(
            BatchQuery.SILVER,
            self._arguments.run,
            entries,
            table_version=table.delta.transaction_version(self._app) or read.silver.version,
            rows_in=seen["read"],
            seconds=time.monotonic() - started,
            replayed=False,
        )
        detail = {name: seen[name] for name in ("duplicates", "absorbed", "anomalies")}
        return Done(seen["read"], seen["kept"], {**detail, "deferred": removed})

    def _read(self, table: RewrittenTable) -> _Read:
        """Silver first: of a batch that refine commits right now, what is set aside already is passed over."""
        lake = self._arguments.lake
        table.version()
        silver = Pinned(self._spark, lake, Table.SILVER, table.delta)
        frontier = table.delta.transaction_version(f"penstock/{self._arguments.pipeline}/{Query.REFINE}")
        frontier = -1 if frontier is None else frontier
        set_aside = tables.read(self._spark, lake, Table.SET_ASIDE).where(F.col("refine_seq") <= frontier)
        bronze = Pinned(self._spark, lake, Table.BRONZE)
        files = self._files_of_days(bronze.files)
        return _Read(
            silver,
            of_days(silver.files, "event_date", self._first, self._last),
            set_aside,
            bronze,
            bronze.rows(files).where(self._days.hold()),
            int(files["num_records"].sum()) if len(files) else 0,
            frontier,
        )

    def _files_of_days(self, files: pl.DataFrame) -> pl.DataFrame:
        """Those of Bronze that may hold accepted readings of the days, by their statistics."""
        if files.is_empty():
            return files
        of_days = pl.col("partition.ingest_date") >= self._first_arrival().date()
        files = files.filter((pl.col("partition.disposition") == "accepted") & of_days)
        if "max.timestamp" in files.columns:
            outside = (pl.col("max.timestamp") < self._days.low) | (pl.col("min.timestamp") >= self._days.high)
            files = files.filter(~outside.fill_null(value=False))
        return files

    def _first_arrival(self) -> datetime:
        return self._days.low - timedelta(seconds=MAX_FUTURE_SECONDS)

    def _change(self, table: RewrittenTable, read: _Read) -> _Change:
        """Write the rows that the days lack, uncommitted, and what was seen of them.

        Bronze may be ahead of refine. Readings that refine has not judged are left to it; there are none unless it is
        at these very days, and so they are looked for once they have been met.
        """
        name = f"{read.silver.version}-{time.time_ns()}"
        change = self._change_for(table, read, read.readings, name, judged=False)
        if not change.seen["unknown"]:
            return change
        judged = self._spark.createDataFrame(
            self._frontiers(read, change.seen["unknown_since"]), "topic string, partition int, last long"
        )
        # In a partition of which refine has judged nothing since then, what arrived earlier is all that it has judged.
        earlier = F.col("kafka_timestamp") < F.timestamp_micros(F.lit(change.seen["unknown_since"]))
        known = read.readings.join(F.broadcast(judged), ["topic", "partition"], "left")
        known = known.where(earlier | (F.col("offset") <= F.col("last"))).drop("last")
        return self._change_for(table, read, known, f"{name}-judged", judged=True)

    def _frontiers(self, read: _Read, since: int) -> Sequence[Row]:
        """The last offset that refine has judged in each partition, of what arrived from `since` (epoch us) on."""
        places = [*PLACE, "kafka_timestamp"]
        silver = read.silver.rows(read.silver.files)
        judged = silver.select(places).unionByName(read.set_aside.select(places))
        judged = judged.where(F.col("kafka_timestamp") >= F.timestamp_micros(F.lit(since)))
        return judged.groupBy("topic", "partition").agg(F.max("offset").alias("last")).collect()

    def _change_for(
        self, table: RewrittenTable, read: _Read, readings: DataFrame, name: str, *, judged: bool
    ) -> _Change:
        """Rows beside those of the days, where these are as they should be; where not, the days anew.

        `judged`: all of the readings have been judged by refine, so that one of which nobody knows was lost.
        """
        silver, set_aside = read.silver.rows(read.own), read.set_aside.where(self._days.hold())
        arrivals = ["sensor_id", "offset", "kafka_timestamp"]
        late = set_aside.where(F.col("reason") == DEFERRED).select(arrivals)
        late = late.unionByName(silver.where("batch_run IS NOT NULL").select(arrivals))
        context = Context(read.silver, read.bronze, self._days, self._rules).rows(late)
        partitions = max(self._spark.sparkContext.defaultParallelism, -(-read.expected // READINGS_PER_PARTITION))
        if not _made_by_others(read.own, self._arguments.version):
            surveyed = survey(
                readings,
                context,
                silver,
                set_aside,
                version=self._arguments.version,
                rules=self._rules,
                partitions=partitions,
            )
            additions = self._additions(table, read, readings, surveyed, name, judged=judged)
            if additions is not None:
                return additions
        rows = rejudged(readings, context, records_of(silver, set_aside), self._rules, partitions)
        new, seen = self._write(table, read, rows, name)
        return _Change(read.own, new, seen)

    def _additions(
        self,
        table: RewrittenTable,
        read: _Read,
        readings: DataFrame,
        surveyed: DataFrame,
        name: str,
        *,
        judged: bool,
    ) -> _Change | None:
        """Rows that the days lack; None where rows must go, and where so many are lacking that it saves nothing."""
        surveyed = surveyed.persist()
        try:
            sums = [F.coalesce(F.sum(tally), F.lit(0)).alias(tally) for tally in TALLIES]
            unknown = F.col("verdict").isNotNull() & F.col("recorded").isNull()
            counts = [F.count("verdict").alias("lacking"), F.count_if(unknown).alias("unknown"), *sums]
            (found,) = surveyed.agg(*counts).collect()
            if found["unknown"] and not judged:
                since = _first_to_arrive(readings, surveyed.where(unknown))
                return _Change(read.own.clear(), [], Counter(unknown=found["unknown"], unknown_since=since))
            if found["differing"] or found["orphans"] or found["lacking"] * FEW > read.expected:
                return None
            new: list[AddAction] = []
            seen: Counter[str] = Counter(read=found["same"] + found["duplicates"])
            seen.update(kept=found["same"], anomalies=found["same_flagged"], duplicates=found["duplicates"])
            if found["lacking"]:
                lacking = surveyed.where("verdict IS NOT NULL").drop(*TALLIES)
                lacking = lacking.withColumns({"batch_run": F.lit(None).cast("long"), "flagged": F.lit(False)})
                new, more = self._write(table, read, _at(readings, lacking), name)
                seen.update({figure: count for figure, count in more.items() if isinstance(count, int)})
            return _Change(read.own.clear(), new, seen)
        finally:
            surveyed.unpersist()

    def _write(
        self, table: RewrittenTable, read: _Read, judged: DataFrame, name: str
    ) -> tuple[list[AddAction], dict[str, Any]]:
        """Write what Silver is to have of rows with a verdict, uncommitted."""
        arguments, seen = self._arguments, Observation()
        judged = with_anomalies(judged, arguments.sensor_types, arguments.zscore_threshold)
        judged = with_record(judged, run=arguments.run, frontier=read.frontier)
        observed = judged.observe(seen, *batch_figures.figures(arguments.run))
        kept = observed.where(~F.col("verdict").isin(DUPLICATE, ORPHAN))
        kept = kept.withColumn("job_version", F.lit(arguments.version)).withColumn("event_date", F.to_date("timestamp"))
        new = table.write(kept, name)
        return new, seen.get

    def _written(self, table: RewrittenTable, new: Iterable[AddAction]) -> DataFrame:
        paths = [f"{Table.SILVER.under(self._arguments.lake)}/{file.path}" for file in new]
        return self._spark.read.schema(tables.LAYOUTS[Table.SILVER].schema).parquet(*paths)


def _made_by_others(files: pl.DataFrame, version: int) -> bool:
    """Whether another version's rules made rows of these files, as far as their statistics tell."""
    return "max.job_version" in files.columns and len(files.filter(pl.col("max.job_version") != version)) > 0


def _at(readings: DataFrame, places: DataFrame) -> DataFrame:
    """The few readings that lie at `places` (LOG), with what else these say."""
    return readings.withColumn("log", log_of_place()).join(F.broadcast(places), LOG)


def _first_to_arrive(readings: DataFrame, places: DataFrame) -> int:
    """When the first of the readings at `places` (LOG) arrived, epoch us: within a partition they arrive by offset."""
    firsts = places.groupBy("log").agg(F.min("offset").alias("offset"))
    (found,) = _at(readings, firsts).agg(F.min(F.unix_micros("kafka_timestamp"))).collect()
    return int(found[0])
