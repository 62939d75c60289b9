"""What the stages leave in the lake does not depend on how readings fell into batches, nor on crashes between them."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.appended import AppendedTable
from spark_jobs.jobs.gold import GoldTable
from spark_jobs.jobs.ingest import Ingest
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.schemas import HEADERS
from spark_jobs.transforms.parse import with_disposition
from tests.spark_jobs.conftest import START

pytestmark = pytest.mark.integration
RECORDS = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"
CUTS = 50
# Of these, merging in another order may change the last bits; everything else is the same exactly.
ROUNDED = {"value_avg", "value_stddev", "value_m2", "health_pct"}
SKETCHED = {"p50", "p95", "p99"}


class Killed(Exception):
    """Ends a stage as a kill would, as far as the lake can tell."""


def fleet(dice: random.Random) -> list[tuple[Any, ...]]:
    """Records of four sensors over two days with gaps, duplicates near and far, late readings and rubbish."""
    rows, sent, clock = list[tuple[Any, ...]](), dict[str, list[bytes]](), START
    offsets = [0, 0, 0]
    for number in range(1500):
        clock += timedelta(seconds=dice.choice([2, 5, 9, 20, 400 if number % 97 == 0 else 3]))
        sensor = f"t-{dice.randrange(4)}"
        earlier = sent.setdefault(sensor, [])
        chance = dice.random()
        if chance < 0.03:
            payload = b"rubbish"
        elif chance < 0.08 and earlier:
            payload = dice.choice(earlier[-3:] if chance < 0.06 else earlier)
        else:
            late = timedelta(minutes=dice.uniform(0, 40)) if chance < 0.16 else timedelta(0)
            payload = _reading(sensor, clock - late, dice.gauss(20, 2) + (90 if chance > 0.98 else 0))
            earlier.append(payload)
        partition = int(sensor[-1]) % 3
        rows.append((sensor.encode(), payload, "readings", partition, offsets[partition], clock))
        offsets[partition] += 1
    return rows


def _reading(sensor: str, at: datetime, value: float) -> bytes:
    text = f'"timestamp": "{at.isoformat()}", "value": {value:.3f}, "unit": "celsius", "location": "floor-1-zone-A"'
    return f'{{"sensor_id": "{sensor}", "sensor_type": "temperature", {text}}}'.encode()


class Stages:
    """The three stages by hand, batch by batch, on a lake of their own."""

    def __init__(self, spark: SparkSession, arguments: ContinuousArguments) -> None:
        self.spark, self.arguments = spark, arguments
        tables.ensure_tables(arguments.lake)
        self.start()

    def start(self) -> None:
        """As a new driver does: nothing is remembered but what the lake holds."""
        telemetry = Telemetry(self.arguments)
        self.ingest = Ingest(self.spark, self.arguments, telemetry)
        self.refine = Refine(self.spark, self.arguments, telemetry)
        self.aggregate = Aggregate(self.spark, self.arguments, telemetry)

    def take(self, rows: list[tuple[Any, ...]], batch: int) -> None:
        records = self.spark.createDataFrame(rows, RECORDS)
        records = records.withColumn("headers", F.lit(None).cast(HEADERS))
        seq = sequence(self.arguments.generation, batch)
        self.ingest.take(with_disposition(records), batch)
        accepted = self.read(Table.BRONZE).where(f"ingest_seq = {seq} and disposition = 'accepted'")
        self.refine.take(accepted, batch)
        self.aggregate.take(self.read(Table.SILVER).where(f"refine_seq = {seq}"), batch)

    def read(self, table: Table) -> DataFrame:
        return tables.read(self.spark, self.arguments.lake, table)

    def rows(self, table: Table, key: list[str]) -> list[dict[str, Any]]:
        columns = [c for c in self.read(table).columns if c not in ("refine_seq", "gold_seq", "ingest_seq", "sketch")]
        return [row.asDict() for row in self.read(table).select(columns).orderBy(key).collect()]


@pytest.fixture
def lake(spark: SparkSession, arguments: ContinuousArguments, tmp_path: Path) -> Any:
    def make(name: str) -> Stages:
        return Stages(spark, replace(arguments, lake=str(tmp_path / name), zscore_window=20, zscore_minimum=5))

    return make


def contents(stages: Stages) -> dict[str, list[dict[str, Any]]]:
    return {
        "silver": stages.rows(Table.SILVER, ["sensor_id", "timestamp"]),
        "set_aside": stages.rows(Table.SET_ASIDE, ["partition", "offset"]),
        "sensor_5min": stages.rows(Table.SENSOR_5MIN, ["sensor_id", "window_start"]),
        "location_hourly": stages.rows(Table.LOCATION_HOURLY, ["location", "sensor_type", "hour_start"]),
        "daily_summary": stages.rows(Table.DAILY_SUMMARY, ["location", "sensor_type", "event_date"]),
    }


def assert_same(found: dict[str, list[dict[str, Any]]], wanted: dict[str, list[dict[str, Any]]]) -> None:
    """Equal to the last bit, ROUNDED aside, and the percentiles of hours and days, which are a random sketch's."""
    for table, rows in wanted.items():
        loose = ROUNDED | (SKETCHED if table in ("location_hourly", "daily_summary") else set())
        exact = [{k: v for k, v in row.items() if k not in loose} for row in rows]
        assert [{k: v for k, v in row.items() if k not in loose} for row in found[table]] == exact, table
        for got, row in zip(found[table], rows, strict=True):
            for name in ROUNDED & row.keys():
                assert (got[name] is None) == (row[name] is None), (table, name)
                assert got[name] is None or got[name] == pytest.approx(row[name], rel=1e-9, abs=1e-9), (table, name)


@pytest.mark.timeout(1500)  # fifty batches, a third of them twice
def test_one_backlog_and_many_cuts_with_kills_leave_the_same_tables(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(11)
    readings = fleet(dice)
    backlog = lake("backlog")
    backlog.take(readings, 0)
    wanted = contents(backlog)
    assert {row["reason"] for row in wanted["set_aside"]} == {"duplicate", "deferred"}
    assert any(row["reading_count"] == 0 for row in wanted["sensor_5min"])
    assert any("zscore" in row["anomaly_reasons"] for row in wanted["silver"])

    cut = lake("cut")
    edges = [0, *sorted(dice.sample(range(1, len(readings)), CUTS - 1)), len(readings)]
    kills: list[str] = []

    def killing(commit: Callable[..., Any]) -> Callable[..., Any]:
        def committing(*arguments: Any) -> Any:
            done = commit(*arguments)
            if dice.random() < 0.3:
                kills.append(commit.__name__)
                raise Killed
            return done

        return committing

    for batch, (start, end) in enumerate(pairwise(edges)):
        part = readings[start:end]
        if batch % 3 == 0:  # killed after one of the batch's commits, then started again, which replays the batch
            with monkeypatch.context() as patched:
                patched.setattr(AppendedTable, "append", killing(AppendedTable.append))
                patched.setattr(GoldTable, "replace", killing(GoldTable.replace))
                with suppress(Killed):
                    cut.take(part, batch)
            cut.start()
        cut.take(part, batch)
    assert set(kills) == {"append", "replace"}
    assert_same(contents(cut), wanted)


def test_a_replayed_batch_adds_no_row(lake: Any) -> None:
    stages = lake("replayed")
    readings = fleet(random.Random(3))[:300]
    stages.take(readings, 0)
    before = contents(stages)
    stages.start()
    stages.take(readings, 0)
    assert_same(contents(stages), before)
