"""Merging Gold rows against NumPy over all readings at once, and what a replaced period leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from datasketches import kll_doubles_sketch
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.contracts import ContinuousArguments, Entry, Table
from spark_jobs.jobs.aggregate import Aggregate, Fenced
from spark_jobs.jobs.gold import GoldTable
from spark_jobs.jobs.tables import LAYOUTS
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.transforms.gold import by_day, by_location_hourly, merged_windows

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
FIVE = timedelta(minutes=5)
FIGURES = ("value_avg", "value_min", "value_max", "value_m2", "sketch")
FLOATS = dict.fromkeys(FIGURES[:-1], pl.Float64) | {"sketch": pl.Binary, "expected_readings": pl.Float64}


def window(sensor: str, number: int, values: list[float], **changes: Any) -> dict[str, Any]:
    """A window as `by_sensor_5min` gives it."""
    sketch, array = kll_doubles_sketch(200), np.array(values)
    for value in values:
        sketch.update(value)
    figures = (array.mean(), array.min(), array.max(), ((array - array.mean()) ** 2).sum()) if values else (None,) * 4
    return {
        "sensor_id": sensor,
        "sensor_type": "temperature",
        "location": "roof",
        "unit": "celsius",
        "window_start": START + number * FIVE,
        "window_end": START + (number + 1) * FIVE,
        "reading_count": len(values),
        "anomaly_count": 0,
        **dict(zip(FIGURES, (*figures, sketch.serialize() if values else None), strict=True)),
        "expected_readings": 30.0,
        "refine_seq": 1,
        "event_date": START.date(),
        **changes,
    }


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema_overrides=FLOATS)


def gold(*rows: dict[str, Any], seq: int = 1) -> pl.DataFrame:
    """Rows as Gold holds them."""
    new = frame(*rows)
    return merged_windows(new.clear(), new).with_columns(gold_seq=pl.lit(seq))


@pytest.mark.parametrize("level", [20.0, 1e9])
def test_merged_windows_have_the_figures_of_all_their_readings(level: float) -> None:
    dice = np.random.default_rng(3)
    first, later = ((level + dice.normal(0, 1, size)).tolist() for size in (30, 12))
    (row,) = merged_windows(gold(window("a", 0, first)), frame(window("a", 0, later))).to_dicts()
    every = np.array(first + later)
    assert row["reading_count"] == 42
    assert row["value_avg"] == pytest.approx(every.mean(), rel=1e-12)
    assert row["value_stddev"] == pytest.approx(every.std(ddof=1), rel=1e-6)
    assert (row["value_min"], row["value_max"]) == (every.min(), every.max())
    ranked = np.sort(every)
    assert [row[name] for name in ("p50", "p95", "p99")] == [ranked[20], ranked[39], ranked[41]]
    assert row["health_pct"] == 100.0


def test_only_rows_that_got_readings_change() -> None:
    old = gold(window("a", 0, [1.0, 2.0]), window("b", 0, [5.0]))
    merged = merged_windows(old, frame(window("a", 0, [3.0], location="cellar")))
    by_sensor = {row["sensor_id"]: row for row in merged.to_dicts()}
    assert by_sensor["b"] == old.row(by_predicate=pl.col("sensor_id") == "b", named=True)
    assert by_sensor["a"]["location"] == "cellar"
    assert by_sensor["a"]["gold_seq"] is None  # for the caller to stamp


def test_a_window_without_readings_has_no_figures_and_no_health() -> None:
    (row,) = gold(window("a", 0, [])).to_dicts()
    assert row["reading_count"] == 0
    assert row["health_pct"] == 0.0
    assert {row[name] for name in (*FIGURES, "value_stddev", "p50")} == {None}
    (filled,) = merged_windows(gold(window("a", 0, [])), frame(window("a", 0, [4.0]))).to_dicts()
    assert (filled["reading_count"], filled["value_avg"], filled["value_stddev"]) == (1, 4.0, None)


def test_a_type_that_nobody_registered_has_no_health() -> None:
    (row,) = gold(window("a", 0, [1.0], expected_readings=None)).to_dicts()
    assert row["health_pct"] is None


def test_hours_and_days_are_those_of_their_readings_and_a_silent_sensor_lowers_their_health() -> None:
    windows = gold(
        window("a", 0, [1.0] * 30), window("b", 1, [2.0, 6.0] * 15), window("c", 2, []), window("a", 12, [9.0] * 15)
    )
    hours = by_location_hourly(windows).sort("hour_start").to_dicts()
    assert [row["hour_start"].hour for row in hours] == [10, 11]
    every = np.array([1.0] * 30 + [2.0, 6.0] * 15)
    assert [row["sensor_count"] for row in hours] == [2, 1]
    assert hours[0]["value_avg"] == pytest.approx(every.mean())
    assert hours[0]["value_stddev"] == pytest.approx(every.std(ddof=1))
    assert hours[0]["health_pct"] == pytest.approx(200 / 3)
    (day,) = by_day(by_location_hourly(windows)).to_dicts()
    assert (day["reading_count"], day["sensor_count"]) == (75, 2)
    assert (day["value_min"], day["p50"], day["value_max"]) == (1.0, 2.0, 9.0)
    assert day["value_stddev"] == pytest.approx(np.append(every, [9.0] * 15).std(ddof=1))


@pytest.fixture
def table(tmp_path: Path) -> GoldTable:
    schema = to_arrow_schema(LAYOUTS[Table.SENSOR_5MIN].schema, timezone="UTC")
    DeltaTable.create(
        Table.SENSOR_5MIN.under(str(tmp_path)), schema, partition_by=list(LAYOUTS[Table.SENSOR_5MIN].partitions)
    )
    return GoldTable(str(tmp_path), Table.SENSOR_5MIN, "app")


def epoch(number: int) -> int:
    return int((START + number * FIVE).timestamp())


def test_a_replaced_period_leaves_the_others_as_they_are(table: GoldTable) -> None:
    table.replace(
        [epoch(0), epoch(1), epoch(7)], 1, lambda _: gold(*(window("a", at, [float(at)]) for at in (0, 1, 7)))
    )
    table.replace([epoch(1)], 2, lambda old: merged_windows(old, frame(window("a", 1, [3.0]))).with_columns(gold_seq=2))
    rows = pl.concat(table.rows([epoch(at) for at in range(12)])).sort("window_start").to_dicts()
    assert [(row["reading_count"], row["value_max"]) for row in rows] == [(1, 0.0), (2, 3.0), (1, 7.0)]
    assert pl.concat(table.rows([epoch(7)]))["value_max"].to_list() == [7.0]
    assert (table.hold(2), table.hold(3)) == (True, False)


def test_many_distant_periods_are_replaced_without_harm_to_those_between(table: GoldTable) -> None:
    every, odd = range(0, 1200, 2), range(0, 1200, 4)
    table.replace(map(epoch, every), 1, lambda _: gold(*(window("a", at, [1.0]) for at in every), seq=1))
    later = frame(*(window("a", at, [2.0]) for at in odd))
    stamp = pl.col("gold_seq").fill_null(2)
    table.replace(map(epoch, odd), 2, lambda old: merged_windows(old, later).with_columns(stamp))
    rows = pl.concat(table.rows(map(epoch, every))).sort("window_start")
    assert rows["reading_count"].to_list() == [2, 1] * 300
    assert sorted(table.changed(2)) == [epoch(at) for at in odd]


def test_a_commit_that_was_overtaken_reads_again(table: GoldTable, tmp_path: Path) -> None:
    other = GoldTable(str(tmp_path), Table.SENSOR_5MIN, "other")
    calls = []

    def anew(old: pl.DataFrame) -> pl.DataFrame:
        if not calls:
            other.replace([epoch(0)], 1, lambda _: gold(window("a", 0, [1.0])))
        calls.append(len(old))
        return merged_windows(old, frame(window("a", 0, [2.0]))).with_columns(gold_seq=pl.lit(1))

    table.replace([epoch(0)], 1, anew)
    assert calls == [0, 1]
    assert pl.concat(table.rows([epoch(0)]))["reading_count"].to_list() == [2]


def test_a_sequence_is_written_once_whoever_was_first(table: GoldTable, tmp_path: Path) -> None:
    twin = GoldTable(str(tmp_path), Table.SENSOR_5MIN, "app")
    mine = gold(window("a", 0, [2.0]), seq=5)

    def anew(_: pl.DataFrame) -> pl.DataFrame:
        assert twin.replace([epoch(0)], 5, lambda _: gold(window("a", 0, [1.0]), seq=5))
        return mine

    assert not table.replace([epoch(0)], 5, anew)
    assert not table.replace([epoch(0)], 4, lambda _: mine)
    assert pl.concat(table.rows([epoch(0)]))["value_max"].to_list() == [1.0]


def test_the_periods_of_a_commit_are_found_again(table: GoldTable) -> None:
    table.replace([epoch(0), epoch(7)], 3, lambda _: gold(window("a", 0, [1.0]), window("b", 7, []), seq=3))
    table.replace([epoch(1)], 4, lambda _: gold(window("a", 1, [1.0]), seq=4))
    assert sorted(table.changed(3)) == [epoch(0), epoch(7)]
    assert table.changed(9) == []


def test_a_remade_period_reads_again_when_it_was_overtaken_and_notes_what_it_changed(
    table: GoldTable, tmp_path: Path
) -> None:
    stream = GoldTable(str(tmp_path), Table.SENSOR_5MIN, "stream")
    told = [Entry(3600, "gold", 2)]
    seen = []

    def anew(old: pl.DataFrame, version: int) -> tuple[pl.DataFrame, list[Entry]]:
        if not seen:
            stream.replace([epoch(0)], 1, lambda _: gold(window("a", 0, [1.0])), [Entry(7200, "gold", 1)])
        seen.append((len(old), version))
        table.noted_last()  # to be added to, as a batch run does: the commit is still made upon what was read
        return gold(window("a", 0, [2.0, 3.0])).with_columns(batch_seq=pl.lit(version)), told

    table.remake([epoch(0)], anew)
    assert seen == [(0, 1), (1, 2)]
    (row,) = pl.concat(table.rows([epoch(0)])).to_dicts()
    assert (row["reading_count"], row["batch_seq"]) == (2, 2)
    assert table.noted_last() == told
    assert stream.noted(1) == [Entry(7200, "gold", 1)]
    assert stream.noted(2) is None


def test_the_stream_finds_out_at_its_commit_that_a_batch_run_has_counted_its_rows(
    table: GoldTable, tmp_path: Path
) -> None:
    arguments = ContinuousArguments(
        pipeline="plant",
        version=1,
        generation=1,
        run_tag="tag",
        fencing_token=1,
        bootstrap_servers="none",
        topic="readings",
        telemetry_topic="none",
        lake=str(tmp_path),
        checkpoint="none",
        jars=(),
        sensor_types=(),
    )
    aggregate = Aggregate(cast(SparkSession, None), arguments, cast(Telemetry, None))
    fenced = gold(window("a", 0, [1.0, 2.0])).with_columns(fence_seq=pl.lit(5))
    table.remake([epoch(0)], lambda _, version: (fenced.with_columns(batch_seq=pl.lit(version)), []))
    behind, beyond = frame(window("b", 0, [3.0], first_seq=5)), frame(window("a", 0, [3.0], first_seq=6))
    with pytest.raises(Fenced) as found:
        aggregate._merge(behind, [], [epoch(0)], 9, [])
    assert found.value.fences == {epoch(0): 5}
    assert aggregate._merge(beyond, [], [epoch(0)], 9, [])
    (row,) = pl.concat(table.rows([epoch(0)])).to_dicts()
    assert (row["reading_count"], row["gold_seq"], row["fence_seq"], row["batch_seq"]) == (3, 9, 5, None)
