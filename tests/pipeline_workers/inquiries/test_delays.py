"""The what-if of a watermark says what refine's own judgement says, under whatever watermark is asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.services import version_ensure
from pipeline_workers.inquiries.delays import delays
from spark_jobs.contracts import Table
from spark_jobs.transforms.judging import DEFERRED, NEVER, Memory, Rules, judge
from tests.lake import NOON, accepted, append

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
MINUTE = 60_000_000


@pytest.fixture
def lake(tmp_path: Path, settings: Any) -> str:
    root = str(tmp_path / "lake")
    settings.PENSTOCK = {**settings.PENSTOCK, "lake": root}
    return root


def shuffled(dice: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Readings of five sensors that come in any order, some of them again."""
    rows = []
    for offset in range(count):
        sensor = int(dice.integers(5))
        minutes = offset / 4 - float(dice.choice([0, 0, 0, 3, 9, 30, 200])) - float(dice.integers(3))
        at = NOON + timedelta(minutes=round(minutes))
        kind = ("temperature", "humidity")[sensor % 2]
        arrived = NOON + timedelta(days=offset // 200)
        changed = {"sensor_type": kind, "kafka_timestamp": arrived, "ingest_date": arrived.date()}
        rows.append(accepted("t", sensor % 2, offset, f"s-{sensor}", at, **changed))
    return rows


def judged(rows: list[dict[str, Any]], minutes: float) -> int:
    """How many refine defers of them."""
    codes = np.array([int(row["sensor_id"][2:]) for row in rows])
    nothing = Memory(np.zeros(6, np.int64), np.zeros(0, np.int64), np.zeros(0), np.full(5, NEVER), np.full(5, NEVER))
    found = judge(
        codes,
        np.array([row["offset"] for row in rows]),
        np.array([round(row["timestamp"].timestamp() * 1e6) for row in rows]),
        np.zeros(len(rows)),
        np.zeros(len(rows), bool),
        nothing,
        Rules(watermark=round(minutes * MINUTE), window=100, minimum=30, max_age=7 * 86_400_000_000),
    )
    return int((found.verdict == DEFERRED).sum())


@pytest.mark.parametrize("seed", range(3))
def test_each_watermark_defers_what_refine_would_defer_by_it(lake: str, pipeline: Pipeline, seed: int) -> None:
    rows = shuffled(np.random.default_rng(seed), 600)
    for part in np.array_split(np.random.default_rng(seed).permutation(np.array(rows, dtype=object)), 3):
        append(lake, Table.BRONZE, list(part))
    found = delays(pipeline, {"minutes": [7.5, 3]})
    told = {item["minutes"]: item["deferred"] for item in found["watermarks"]}
    assert told == {minutes: judged(rows, minutes) for minutes in told}
    assert {3, 7.5, 10} < told.keys()
    assert told[10] > 0
    assert [item["minutes"] for item in found["watermarks"] if item["own"]] == [10]
    assert sum(item["readings"] for item in found["types"]) == found["readings"]


def test_a_pipelines_own_watermark_is_among_them(lake: str, pipeline: Pipeline) -> None:
    version_ensure(pipeline=pipeline, configuration={"watermark_minutes": 4.5})
    append(lake, Table.BRONZE, [accepted("t", 0, 0, "s", NOON)])
    found = delays(pipeline, {})
    assert (found["own_minutes"], [item["minutes"] for item in found["watermarks"] if item["own"]]) == (4.5, [4.5])


def test_days_of_arrival_are_counted_against_all_that_came_before_them(lake: str, pipeline: Pipeline) -> None:
    tomorrow = {"ingest_date": NOON.date() + timedelta(days=1)}
    append(
        lake,
        Table.BRONZE,
        [
            accepted("t", 0, 0, "s", NOON),
            accepted("t", 0, 1, "s", NOON - timedelta(minutes=20), **tomorrow),
            accepted("t", 0, 2, "s", NOON + timedelta(minutes=1), **tomorrow),
        ],
    )
    found = delays(pipeline, {"first_day": "2026-03-02"})
    assert (found["readings"], found["first_day"], found["last_day"]) == (2, "2026-03-02", "2026-03-02")
    (kind,) = found["types"]
    assert (kind["behind"], kind["delays"]["max"], kind["delays"]["p50"]) == (1, 1200.0, 0.0)
    assert delays(pipeline, {"last_day": "2026-03-01"})["readings"] == 1


def test_of_no_readings_there_are_no_delays(lake: str, pipeline: Pipeline) -> None:
    found = delays(pipeline, {})
    assert (found["readings"], found["types"], found["first_day"]) == (0, [], None)
    assert all(item["deferred"] == 0 for item in found["watermarks"])
