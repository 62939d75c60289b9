"""A lake whose stream and batch runs are driven by hand, the ledger that they tell, and what must be in all three.

Readings are put into Bronze as they are, so that a test costs what refine, aggregate and the batch job cost.
"""

from __future__ import annotations

import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.applications import BatchArguments, StageName
from spark_jobs.contracts import ContinuousArguments, Entry, Measure, SensorTypeSpec, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.batch_gold import BatchGold
from spark_jobs.jobs.batch_silver import BatchSilver
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.tables import LAYOUTS
from spark_jobs.jobs.telemetry import Telemetry

TEMPERATURE = SensorTypeSpec("temperature", "celsius", -20, 60, -40, 85, 10)
WINDOW, MINIMUM, WATERMARK = 20, 5, timedelta(minutes=10)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
BOTH = (StageName.BRONZE_TO_SILVER, StageName.SILVER_TO_GOLD)


@dataclass(frozen=True)
class Reading:
    sensor: str
    partition: int
    offset: int
    arrived: datetime
    at: datetime
    value: float


def fleet(dice: random.Random, count: int, *, start: datetime = MIDNIGHT - timedelta(hours=9)) -> list[Reading]:
    """Readings of four sensors over three days, in arrival order.

    Some come twice, near or far apart; some are late by minutes, hours or a day and more; some are ahead of the clock;
    some deviate. At times the whole fleet is silent.
    """
    rows, offsets, clock = list[Reading](), [0, 0], start
    for number in range(count):
        clock += timedelta(seconds=dice.choice([10, 60, 200, 400]), milliseconds=dice.randrange(1000))
        if number % (count // 4) == count // 5:
            clock += timedelta(hours=3)
        name = dice.randrange(4)
        sensor, partition, chance = f"t-{name}", name % 2, dice.random()
        earlier = [row for row in rows if row.sensor == sensor]
        at = clock + timedelta(minutes=dice.uniform(0, 4) if chance > 0.9 else 0)
        value = dice.gauss(20, 2) + (90 if dice.random() > 0.97 else 0)
        if chance < 0.08 and earlier:
            again = dice.choice(earlier[-3:] if chance < 0.04 else earlier)
            at, value = again.at, again.value
        elif chance < 0.2:
            at -= timedelta(minutes=dice.uniform(0, 40)) if chance < 0.15 else timedelta(hours=dice.uniform(1, 40))
        rows.append(Reading(sensor, partition, offsets[partition], clock, at, value))
        offsets[partition] += dice.choice([1, 1, 2])
    return rows


@dataclass(frozen=True)
class Judged:
    verdict: str
    score: float | None


def judged(readings: Iterable[Reading]) -> dict[tuple[int, int], Judged]:
    """By the rules as they are written down, one reading after the other."""
    newest, kept = dict[str, datetime](), defaultdict[str, list[float]](list)
    seen, found = set[tuple[str, datetime]](), dict[tuple[int, int], Judged]()
    for row in readings:
        window = kept[row.sensor][-WINDOW:]
        spread = statistics.stdev(window) if len(window) >= MINIMUM else 0.0
        score = (row.value - statistics.fmean(window)) / spread if spread else None
        if (row.sensor, row.at) in seen:
            found[row.partition, row.offset] = Judged("duplicate", None)
        elif row.sensor in newest and newest[row.sensor] - row.at > WATERMARK:
            found[row.partition, row.offset] = Judged("deferred", score)
        else:
            found[row.partition, row.offset] = Judged("kept", score)
            kept[row.sensor].append(row.value)
        seen.add((row.sensor, row.at))
        newest[row.sensor] = max(row.at, newest.get(row.sensor, row.at))
    return found


class Ledger:
    """Takes what the jobs tell as the control plane does: told again, a batch's entries are replaced."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, int, str, int, str], int] = {}
        self.loads: list[dict[str, Any]] = []

    def batch_committed(self, query: str, batch: int, entries: Iterable[Entry], **more: Any) -> None:
        for item in entries:
            self.entries[str(query), batch, str(item.measure), item.hour, item.detail] = item.count

    def send(self, message: Any) -> None:
        """Sensors that were seen are no entries."""

    def by_hour(self, measure: str) -> dict[int, int]:
        counts: Counter[int] = Counter()
        for (_, _, told, hour, _), count in self.entries.items():
            if told == measure:
                counts[hour] += count
        return {hour: count for hour, count in counts.items() if count}

    def total(self, measure: str) -> int:
        return sum(self.by_hour(measure).values())


class Daily:
    """A lake; `path` is its own."""

    def __init__(self, spark: SparkSession, path: Path) -> None:
        self.spark, self.lake, self.ledger = spark, str(path / "lake"), Ledger()
        self._workspace, self._versions, self._launches = str(path), dict[int, int](), 0
        self.bronze: list[list[Reading]] = []
        tables.ensure_tables(self.lake)
        self.start()

    @property
    def telemetry(self) -> Telemetry:
        return cast(Telemetry, self.ledger)

    def start(self) -> None:
        """As a new driver does: nothing is remembered but what the lake holds."""
        self._launches += 1
        arguments = ContinuousArguments(
            pipeline="plant",
            version=1,
            generation=1,
            run_tag=f"driver-{self._launches}",
            fencing_token=1,
            bootstrap_servers="none",
            topic="readings",
            telemetry_topic="none",
            lake=self.lake,
            checkpoint="none",
            jars=(),
            sensor_types=(TEMPERATURE,),
            zscore_window=WINDOW,
            zscore_minimum=MINIMUM,
        )
        self._refine = Refine(self.spark, arguments, self.telemetry)
        self._aggregate = Aggregate(self.spark, arguments, self.telemetry)

    def ingest(self, readings: Sequence[Reading]) -> None:
        """Commit a batch to Bronze."""
        seq = sequence(1, len(self.bronze))
        rows = [
            {
                "ingest_seq": seq,
                "topic": "readings",
                "partition": row.partition,
                "offset": row.offset,
                "kafka_timestamp": row.arrived,
                "sensor_id": row.sensor,
                "sensor_type": "temperature",
                "timestamp": row.at,
                "value": row.value,
                "unit": "celsius",
                "location": "roof",
                "disposition": "accepted",
                "ingest_date": row.arrived.date(),
            }
            for row in readings
        ]
        schema = to_arrow_schema(LAYOUTS[Table.BRONZE].schema, timezone="UTC")
        path = Table.BRONZE.under(self.lake)
        write_deltalake(path, pa.Table.from_pylist(rows, schema=schema), mode="append")
        self.bronze.append(list(readings))

    def refine(self, batch: int) -> None:
        bronze = tables.read(self.spark, self.lake, Table.BRONZE)
        self._refine.take(bronze.where(F.col("ingest_seq") == sequence(1, batch)), batch)
        self._versions[batch] = DeltaTable(Table.SILVER.under(self.lake)).version()

    def aggregate(self, batch: int) -> None:
        """What refine's commit of the batch has brought, read from its own files, whatever has become of them."""
        pinned = self.spark.read.format("delta").option("versionAsOf", self._versions[batch])
        silver = pinned.load(Table.SILVER.under(self.lake)).where(F.col("refine_seq") == sequence(1, batch))
        self._aggregate.take(silver.where("batch_run IS NULL"), batch)

    def stream(self, readings: Sequence[Reading]) -> None:
        batch = len(self.bronze)
        self.ingest(readings)
        self.refine(batch)
        self.aggregate(batch)

    def batch(
        self, first: date, last: date, *, run: int = 1, version: int = 1, stages: Sequence[StageName] = BOTH
    ) -> list[Done]:
        """By the stream's own version; by another one every day is made anew."""
        self._launches += 1
        arguments = BatchArguments(
            pipeline="plant",
            run_tag=f"batch-{self._launches}",
            run=run,
            attempt=1,
            stages=tuple(stages),
            workspace=self._workspace,
            lake=self.lake,
            bootstrap_servers="none",
            telemetry_topic="none",
            first_day=first.isoformat(),
            last_day=last.isoformat(),
            version=version,
            jars=(),
            sensor_types=(TEMPERATURE,),
            zscore_window=WINDOW,
            zscore_minimum=MINIMUM,
        )
        made = {
            StageName.BRONZE_TO_SILVER: BatchSilver(self.spark, arguments, self.telemetry).run,
            StageName.SILVER_TO_GOLD: BatchGold(self.spark, arguments, self.telemetry).run,
        }
        return [made[name]() for name in stages]

    def rows(self, table: Table) -> pl.DataFrame:
        delta = DeltaTable(table.under(self.lake))
        return pl.DataFrame(delta.to_pyarrow_table())

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """Every table's rows but for what says who wrote them, and for sketches and percentiles, which are random.

        Figures are told to nine digits: the last bits go with the order in which they were summed.
        """
        drop = ["gold_seq", "batch_seq", "fence_seq", "refine_seq", "job_version", "sketch", "p50", "p95", "p99"]
        keys = {
            Table.SILVER: ["partition", "offset"],
            Table.SET_ASIDE: ["partition", "offset"],
            Table.SENSOR_5MIN: ["sensor_id", "window_start"],
            Table.LOCATION_HOURLY: ["location", "sensor_type", "hour_start"],
            Table.DAILY_SUMMARY: ["location", "sensor_type", "event_date"],
        }
        told = pl.selectors.float().round_sig_figs(9)
        return {
            str(table): self.rows(table).drop(drop, strict=False).with_columns(told).sort(key).to_dicts()
            for table, key in keys.items()
        }

    def check_silver(self, absorbed: tuple[datetime, datetime] | None = None) -> None:
        """Silver and what is set aside are what the rules give, with the deferred readings of an interval absorbed."""
        wanted = judged(row for batch in self.bronze for row in batch)
        readings = {(row.partition, row.offset): row for batch in self.bronze for row in batch}
        low, high = absorbed or (MIDNIGHT, MIDNIGHT)
        kept = {
            place: item
            for place, item in wanted.items()
            if item.verdict == "kept" or (item.verdict == "deferred" and low <= readings[place].at < high)
        }
        silver = {(row["partition"], row["offset"]): row for row in self.rows(Table.SILVER).to_dicts()}
        assert len(silver) == len(self.rows(Table.SILVER))
        assert silver.keys() == kept.keys()
        for place, row in silver.items():
            item, reading = kept[place], readings[place]
            assert (row["timestamp"], row["value"], row["sensor_id"]) == (reading.at, reading.value, reading.sensor)
            assert (row["batch_run"] is None) == (item.verdict == "kept")
            assert (row["anomaly_score"] is None) == (item.score is None), place
            if item.score is not None:
                assert row["anomaly_score"] == pytest.approx(item.score, rel=1e-9, abs=1e-9), (place, item.verdict)
                assert ("zscore" in row["anomaly_reasons"]) == (abs(item.score) > 3)
            assert ("above_normal" in row["anomaly_reasons"]) == (reading.value > 60)
        aside = {(row["partition"], row["offset"]): row["reason"] for row in self.rows(Table.SET_ASIDE).to_dicts()}
        assert aside == {place: item.verdict for place, item in wanted.items() if place not in kept}

    def check_gold(self) -> None:
        """Gold is what Silver's rows give, counted once."""
        silver = self.rows(Table.SILVER)
        flagged = pl.col("anomaly_reasons").list.len() > 0
        figures = [
            pl.len().cast(pl.Int64).alias("reading_count"),
            flagged.sum().cast(pl.Int64).alias("anomaly_count"),
            pl.col("value").mean().alias("value_avg"),
            pl.col("value").std().alias("value_stddev"),
            pl.col("value").min().alias("value_min"),
            pl.col("value").max().alias("value_max"),
            pl.col("value").sort().alias("values"),
        ]
        spans = {
            Table.SENSOR_5MIN: ("5m", ["sensor_id"], "window_start"),
            Table.LOCATION_HOURLY: ("1h", [], "hour_start"),
        }
        spans[Table.DAILY_SUMMARY] = ("1d", [], "event_date")
        for table, (span, also, period) in spans.items():
            start = pl.col("timestamp").dt.truncate(span).alias(period)
            key = [*also, period]
            wanted = silver.with_columns(start.dt.date() if period == "event_date" else start)
            wanted = wanted.group_by(key).agg(figures).sort(key)
            found = self.rows(table).filter(pl.col("reading_count") > 0).sort(key)
            exact = [*key, "reading_count", "anomaly_count", "value_min", "value_max"]
            assert found.select(exact).rows() == wanted.select(exact).rows(), table
            for row, real in zip(found.to_dicts(), wanted.to_dicts(), strict=True):
                for name in ("value_avg", "value_stddev"):
                    assert row[name] == (None if real[name] is None else pytest.approx(real[name], rel=1e-9, abs=1e-9))
                for name, rank in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                    low, high = (
                        np.searchsorted(real["values"], row[name], "left"),
                        np.searchsorted(real["values"], row[name], "right"),
                    )
                    of = len(real["values"])
                    assert low / of - 0.02 - 1 / of <= rank <= high / of + 0.02 + 1 / of, (table, name)

    def check_ledger(self) -> None:
        """What was told adds up to what is there, hour by hour."""
        silver, aside = self.rows(Table.SILVER), self.rows(Table.SET_ASIDE)
        assert self.ledger.by_hour(Measure.KEPT) == _hours(silver, "kafka_timestamp")
        assert self.ledger.by_hour(Measure.SILVER) == _hours(silver, "timestamp")
        for measure in (Measure.DEFERRED, Measure.DUPLICATE):
            told = self.ledger.by_hour(measure)
            assert told == _hours(aside.filter(pl.col("reason") == str(measure)), "kafka_timestamp")
        flagged = silver.filter(pl.col("anomaly_reasons").list.len() > 0)
        assert self.ledger.by_hour(Measure.ANOMALY) == _hours(flagged, "timestamp")
        assert self.ledger.by_hour(Measure.GOLD) == self.ledger.by_hour(Measure.AGGREGATED)
        assert self.ledger.total(Measure.GOLD) == self.rows(Table.SENSOR_5MIN)["reading_count"].sum()

    def check(self, absorbed: tuple[datetime, datetime] | None = None) -> None:
        """Silver, Gold and ledger, of a lake at rest."""
        self.check_silver(absorbed)
        self.check_gold()
        self.check_ledger()
        assert self.ledger.by_hour(Measure.GOLD) == self.ledger.by_hour(Measure.SILVER)


def _hours(rows: pl.DataFrame, column: str) -> dict[int, int]:
    return dict(rows.group_by(pl.col(column).dt.truncate("1h").dt.epoch("s")).len().iter_rows())
