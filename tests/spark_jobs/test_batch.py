"""A batch run leaves what the stream left and what it deferred, whatever the stream does meanwhile."""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.spark_jobs.daily import DAY, MIDNIGHT, Daily, Reading, fleet, judged

pytestmark = pytest.mark.integration
SUNDAY, MONDAY, TUESDAY = (date(2026, 3, day) for day in (1, 2, 3))


class Killed(Exception):
    """Ends a stage as a kill would, as far as the lake can tell."""


@pytest.fixture
def daily(spark: SparkSession, tmp_path: Path) -> Daily:
    return Daily(spark, tmp_path)


def cuts(dice: random.Random, readings: list[Reading], parts: int) -> list[list[Reading]]:
    edges = [0, *sorted(dice.sample(range(1, len(readings)), parts - 1)), len(readings)]
    return [readings[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_is_what_the_stream_gave_and_what_it_deferred(daily: Daily, seed: int) -> None:
    dice = random.Random(seed)
    readings = fleet(dice, 900)
    for part in cuts(dice, readings, 3):
        daily.stream(part)
    daily.check()
    deferred = [place for place, item in judged(readings).items() if item.verdict == "deferred"]
    own = [row for row in readings if (row.partition, row.offset) in deferred and MIDNIGHT <= row.at < MIDNIGHT + DAY]
    assert len(own) > 5

    silver, gold = daily.batch(MONDAY, MONDAY)
    daily.check((MIDNIGHT, MIDNIGHT + DAY))
    assert (silver.detail["absorbed"], silver.detail["deferred"]) == (len(own), len(own))
    assert silver.rows_out == gold.rows_in
    before = daily.contents()
    assert daily.batch(MONDAY, MONDAY, run=2)[0].detail["absorbed"] == 0
    assert daily.contents() == before
    daily.check((MIDNIGHT, MIDNIGHT + DAY))
