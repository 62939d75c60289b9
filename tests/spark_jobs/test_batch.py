"""A batch run leaves what the stream left and what it deferred, whatever the stream does meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from spark_jobs.applications import StageName
from spark_jobs.contracts import Measure, Table
from spark_jobs.jobs import batch_gold, batch_silver
from spark_jobs.jobs.application import Done
from spark_jobs.jobs.batch_silver import RefusedError
from spark_jobs.jobs.gold import GoldTable
from spark_jobs.jobs.rewritten import RewrittenTable
from tests.spark_jobs.daily import DAY, MIDNIGHT, Daily, Ledger, Reading, fleet, judged

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
SUNDAY, MONDAY, TUESDAY = (date(2026, 3, day) for day in (1, 2, 3))
OF_MONDAY = (MIDNIGHT, MIDNIGHT + DAY)


class Killed(Exception):
    """Ends a stage as a kill would, as far as the lake can tell."""


@pytest.fixture
def daily(spark: SparkSession, tmp_path: Path) -> Daily:
    return Daily(spark, tmp_path)


def cuts(dice: random.Random, readings: list[Reading], parts: int) -> list[list[Reading]]:
    edges = [0, *sorted(dice.sample(range(1, len(readings)), parts - 1)), len(readings)]
    return [readings[start:end] for start, end in pairwise(edges)]


def once(function: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
    """Has `before` happen before the first call."""
    left = [before]

    def calling(*arguments: Any, **named: Any) -> Any:
        if left:
            left.pop()()
        return function(*arguments, **named)

    return calling


def killing(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.mark.parametrize(("seed", "version"), [(1, 1), (2, 2)])
def test_a_day_is_what_the_stream_gave_and_what_it_deferred(daily: Daily, seed: int, version: int) -> None:
    dice = random.Random(seed)
    readings = fleet(dice, 900)
    for part in cuts(dice, readings, 2):
        daily.stream(part)
    daily.check()
    verdicts = judged(readings)
    late = [row for row in readings if verdicts[row.partition, row.offset].verdict == "deferred"]
    own = [row for row in late if MIDNIGHT <= row.at < MIDNIGHT + DAY]
    assert any(row.arrived > row.at + timedelta(hours=20) for row in own)

    files = set(DeltaTable(Table.SILVER.under(daily.lake)).file_uris())
    silver, gold = daily.batch(MONDAY, MONDAY, version=version)
    daily.check(OF_MONDAY)
    assert (silver.detail["absorbed"], silver.detail["deferred"]) == (len(own), len(own))
    assert silver.rows_out == gold.rows_in
    assert (files <= set(DeltaTable(Table.SILVER.under(daily.lake)).file_uris())) == (version == 1)

    before, told = daily.contents(), daily.ledger.total(Measure.SILVER)
    (again,) = daily.batch(MONDAY, MONDAY, run=2, version=version, stages=[StageName.BRONZE_TO_SILVER])
    daily.batch(MONDAY, MONDAY, run=1, stages=[StageName.SILVER_TO_GOLD])
    assert again.detail["absorbed"] == 0
    assert (daily.contents(), daily.ledger.total(Measure.SILVER)) == (before, told)


@pytest.mark.fault(16, "a batch run over days that the stream refines and aggregates meanwhile")
def test_the_stream_goes_on_and_everything_is_counted_once(daily: Daily, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are refined and not aggregated, one that is not even refined, all aggregated as the run commits."""
    dice = random.Random(5)
    readings = fleet(dice, 600, start=MIDNIGHT + timedelta(hours=1))
    assert readings[-1].at < MIDNIGHT + 2 * DAY
    first, second, third, fourth = cuts(dice, readings, 4)
    daily.stream(first)
    for part in (second, third):
        daily.ingest(part)
        daily.refine(len(daily.bronze) - 1)
    daily.ingest(fourth)

    def overtake() -> None:
        daily.aggregate(1)
        daily.aggregate(2)
        # Beyond what the run has read, and with what it has done to Silver.
        daily.start()
        daily.refine(3)
        daily.aggregate(3)

    with monkeypatch.context() as patched:
        compact = DeltaTable(Table.SILVER.under(daily.lake)).optimize.compact
        patched.setattr(RewrittenTable, "swap", once(RewrittenTable.swap, compact))
        patched.setattr(GoldTable, "_write", once(GoldTable._write, overtake))
        silver, _ = daily.batch(MONDAY, MONDAY)
    before_fourth = judged([*first, *second, *third])
    assert silver.detail["absorbed"] > 0
    assert silver.rows_in <= len(before_fourth)
    daily.check_gold()
    daily.check_ledger()

    late = next(
        row
        for row in [*first, *second]
        if row.at > MIDNIGHT and before_fourth[row.partition, row.offset].verdict == "deferred"
    )
    end = readings[-1].arrived
    last = {row.partition: row.offset for row in readings}[late.partition]
    again = replace(late, offset=last + 1, arrived=end)
    fresh = replace(late, offset=last + 2, arrived=end + timedelta(minutes=1), at=end + timedelta(minutes=1))
    daily.ingest([again, fresh])
    daily.refine(4)
    daily.batch(MONDAY, TUESDAY, run=2)
    # A replay tells what its batch brought before there was a fence; the next batch lies behind the fence as a whole.
    daily.start()
    daily.aggregate(3)
    daily.aggregate(4)
    daily.check((MIDNIGHT, MIDNIGHT + 2 * DAY))


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (batch_silver, "remove_absorbed"),
        (batch_gold.BatchGold, "_roll_up"),
        (Ledger, "batch_committed"),
    ],
)
def test_a_run_that_was_killed_is_mended_by_its_next_attempt(
    daily: Daily, monkeypatch: pytest.MonkeyPatch, where: Any, what: str
) -> None:
    daily.stream(fleet(random.Random(7), 300, start=MIDNIGHT + timedelta(hours=2)))
    with monkeypatch.context() as patched:
        patched.setattr(where, what, killing)
        with pytest.raises(Killed):
            daily.batch(MONDAY, MONDAY)
    daily.batch(MONDAY, MONDAY)
    daily.check(OF_MONDAY)


def test_readings_that_silver_lost_are_made_again(daily: Daily) -> None:
    daily.stream(fleet(random.Random(9), 300, start=MIDNIGHT + timedelta(hours=2)))
    DeltaTable(Table.SILVER.under(daily.lake)).delete("event_date = '2026-03-02' AND sensor_id = 't-1'")
    daily.batch(MONDAY, MONDAY)
    daily.check_silver(OF_MONDAY)
    daily.check_gold()


def test_what_bronze_does_not_give_back_is_not_taken_from_silver(daily: Daily) -> None:
    daily.stream(fleet(random.Random(8), 200))
    DeltaTable(Table.BRONZE.under(daily.lake)).delete("ingest_date = '2026-03-01'")
    before, version = daily.contents(), DeltaTable(Table.SILVER.under(daily.lake)).version()
    with pytest.raises(RefusedError, match=r"2026-03-01 to 2026-03-01 .* not in Bronze any more: nothing was changed"):
        daily.batch(SUNDAY, SUNDAY)
    assert daily.contents() == before
    assert DeltaTable(Table.SILVER.under(daily.lake)).version() == version


def test_a_day_that_nobody_has_heard_of_is_done_at_once(daily: Daily) -> None:
    day = date(2030, 1, 1)
    assert daily.batch(day, day) == [Done(), Done(detail={"days": 1})]
    daily.ingest(fleet(random.Random(8), 20))
    assert daily.batch(day, day) == [Done(), Done(detail={"days": 1})]
    assert daily.rows(Table.SILVER).is_empty()
    assert daily.rows(Table.SENSOR_5MIN).select(pl.len()).item() == 0
