"""Days held against Silver without Spark: what is as it should be is counted, what is not is told."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import BooleanType, DoubleType, StringType, StructField, StructType, TimestampType

from spark_jobs.transforms.rejudging import IN_SILVER, WAS_DEFERRED, WAS_DUPLICATE
from spark_jobs.transforms.surveying import IN_SILVER_BY_OTHERS, SURVEYED, TALLIES, _survey_table
from tests.spark_jobs.daily import Reading, fleet, judged
from tests.spark_jobs.test_rejudging import RULES

UNION = to_arrow_schema(
    StructType(
        [
            *SURVEYED.fields[:4],
            StructField("sensor_id", StringType()),
            StructField("timestamp", TimestampType()),
            StructField("value", DoubleType()),
            StructField("flagged", BooleanType()),
        ]
    ),
    timezone="UTC",
)
Rows = list[dict[str, Any]]


def place(reading: Reading) -> dict[str, Any]:
    return {"log": reading.partition, "offset": reading.offset, "sensor_id": reading.sensor}


def days_of(readings: list[Reading]) -> tuple[Rows, Rows]:
    """Rows of the readings, and records as the stream leaves them; the scores are those that a survey finds."""
    rows = [{**place(item), "timestamp": item.at, "value": item.value} for item in readings]
    scores = {(row["log"], row["offset"]): row["score"] for row in survey(rows)[0]}
    records = []
    for item, (at, known) in zip(readings, judged(readings).items(), strict=True):
        recorded = {"kept": IN_SILVER, "deferred": WAS_DEFERRED, "duplicate": WAS_DUPLICATE}[known.verdict]
        flagged = known.verdict == "kept" and known.score is not None and abs(known.score) > 3
        value = scores[at] if known.verdict == "kept" else None
        more = {"recorded": recorded, "refine_seq": item.offset, "flagged": flagged, "value": value}
        records.append({**place(item), **more})
    return rows, records


def survey(rows: Rows) -> tuple[Rows, dict[str, int]]:
    """What is listed, and the tallies."""
    found = _survey_table(pa.Table.from_pylist(rows, schema=UNION), RULES).to_pylist()
    (tally,) = (row for row in found if row["verdict"] is None)
    return [row for row in found if row["verdict"] is not None], {name: tally[name] for name in TALLIES}


@pytest.fixture
def day() -> tuple[Rows, Rows]:
    return days_of(fleet(random.Random(4), 400))


def test_a_day_that_the_stream_left_lacks_what_was_deferred(day: tuple[Rows, Rows]) -> None:
    readings, records = day
    deferred = {row["offset"] for row in records if row["recorded"] == WAS_DEFERRED}
    listed, tally = survey([*readings, *records])
    assert {row["offset"] for row in listed} == {row["refine_seq"] for row in listed} == deferred
    assert {row["verdict"] for row in listed} == {"deferred"}
    kept = [row for row in records if row["recorded"] == IN_SILVER]
    assert tally == {
        "same": len(kept),
        "same_flagged": sum(row["flagged"] for row in kept),
        "duplicates": sum(row["recorded"] == WAS_DUPLICATE for row in records),
        "differing": 0,
        "orphans": 0,
    }


@pytest.mark.parametrize("change", [{"value": 77.0}, {"recorded": IN_SILVER_BY_OTHERS}])
def test_a_reading_that_silver_has_otherwise_is_told(day: tuple[Rows, Rows], change: dict[str, Any]) -> None:
    readings, records = day
    at = next(number for number, row in enumerate(records) if row["recorded"] == IN_SILVER)
    records[at] |= change
    assert survey([*readings, *records])[1]["differing"] == 1


def test_a_record_without_its_reading_is_an_orphan_and_so_is_one_that_is_there_twice(day: tuple[Rows, Rows]) -> None:
    readings, records = day
    kept = next(row for row in reversed(records) if row["recorded"] == IN_SILVER)
    stray = {**kept, "offset": 1_000_000}
    assert survey([*readings, *records, stray])[1]["orphans"] == 1
    assert survey([*readings, *records, kept])[1]["orphans"] == 1


def test_a_reading_that_nobody_has_judged_is_listed_without_a_record(day: tuple[Rows, Rows]) -> None:
    readings, records = day
    missing = records.pop(next(number for number, row in enumerate(records) if row["recorded"] == WAS_DUPLICATE))
    (listed,) = (row for row in survey([*readings, *records])[0] if row["recorded"] is None)
    assert listed["offset"] == missing["offset"]


def test_of_a_reading_that_is_in_silver_and_set_aside_silver_speaks(day: tuple[Rows, Rows]) -> None:
    readings, records = day
    kept = next(row for row in records if row["recorded"] == IN_SILVER)
    before = survey([*readings, *records])
    assert survey([*readings, *records, {**kept, "recorded": WAS_DEFERRED, "value": None}]) == before
