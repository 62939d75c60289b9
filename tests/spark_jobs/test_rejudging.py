"""Days judged again without Spark: what their context leaves out makes no difference."""

from __future__ import annotations

import random
from datetime import timedelta

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ByteType, StructField, StructType

from spark_jobs.transforms.judging import Rules
from spark_jobs.transforms.rejudging import IN_SILVER, ORPHAN, REJUDGED, WAS_DEFERRED, WAS_DUPLICATE, _judge_table
from tests.spark_jobs.daily import DAY, MIDNIGHT, MINIMUM, WATERMARK, WINDOW, Judged, Reading, fleet, judged

RULES = Rules(
    watermark=int(WATERMARK.total_seconds() * 1e6), window=WINDOW, minimum=MINIMUM, max_age=7 * 86_400_000_000
)
UNION = to_arrow_schema(StructType([*REJUDGED.fields[:-2], StructField("kind", ByteType())]), timezone="UTC")
RECORDED = {"kept": IN_SILVER, "deferred": WAS_DEFERRED, "duplicate": WAS_DUPLICATE}


def row(reading: Reading, kind: int, **more: object) -> dict[str, object]:
    found = {"sensor_id": reading.sensor, "partition": reading.partition, "offset": reading.offset}
    return {**found, "topic": "readings", "timestamp": reading.at, "value": reading.value, "kind": kind, **more}


def rejudge(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return _judge_table(pa.Table.from_pylist(rows, schema=UNION), RULES).to_pylist()


@pytest.mark.parametrize("seed", range(20))
def test_a_days_readings_are_judged_as_in_the_stream(seed: int) -> None:
    dice = random.Random(seed)
    readings = fleet(dice, 600)
    wanted = judged(readings)
    verdict = {place: item.verdict for place, item in wanted.items()}
    own = [item for item in readings if MIDNIGHT <= item.at < MIDNIGHT + DAY]
    others = [
        item
        for item in readings
        if item not in own and verdict[item.partition, item.offset] == "kept"
    ]  # fmt: skip
    rows = [row(item, 0) for item in own] + [row(item, 1) for item in others]
    rows += [
        row(item, 2, recorded=RECORDED[verdict[item.partition, item.offset]], refine_seq=item.offset) for item in own
    ]
    dice.shuffle(rows)
    found = {(item["partition"], item["offset"]): item for item in rejudge(rows)}
    assert found.keys() == {(item.partition, item.offset) for item in own}
    for place, item in found.items():
        known: Judged = wanted[place]  # type: ignore[index]
        assert item["verdict"] == known.verdict
        assert item["refine_seq"] == place[1]
        if known.verdict != "duplicate":
            assert item["score"] == (None if known.score is None else pytest.approx(known.score, rel=1e-9, abs=1e-9))


def test_what_silver_has_and_bronze_does_not_is_told() -> None:
    readings = fleet(random.Random(1), 40)
    first, second, third, *_ = readings
    rows = [row(first, 0), row(first, 2, recorded=IN_SILVER), row(second, 2, recorded=IN_SILVER)]
    rows += [row(third, 2, recorded=WAS_DUPLICATE)]
    found = {item["offset"]: item for item in rejudge(rows) if item["verdict"] == ORPHAN}
    assert found.keys() == {second.offset}
    assert found[second.offset]["timestamp"] == second.at


def test_of_a_reading_that_is_in_silver_and_set_aside_silver_speaks() -> None:
    reading = Reading("a", 0, 5, MIDNIGHT, MIDNIGHT + timedelta(hours=1), 1.0)
    rows = [row(reading, 0), row(reading, 2, recorded=WAS_DEFERRED, refine_seq=3)]
    rows += [row(reading, 2, recorded=IN_SILVER, refine_seq=3, batch_run=9)]
    (found,) = rejudge(rows)
    assert (found["recorded"], found["batch_run"]) == (IN_SILVER, 9)
