"""Suites over real tables: what passes, fails, cannot be looked at, and is not there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from spark_jobs.applications import BatchArguments, Outcome, QualityArguments, StageName
from spark_jobs.contracts import Table
from spark_jobs.jobs import batch
from spark_jobs.jobs.application import serve
from spark_jobs.jobs.evaluating import Evaluate, evaluate, profiles, rows_of
from spark_jobs.suites import Evaluation, Expectation, Result, Suite, Verdict
from spark_jobs.vocabulary import PROVIDED
from tests.lake import NOON, accepted, append

pytestmark = pytest.mark.integration
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=1)
NOT_NULL = "expect_column_values_to_not_be_null"
BETWEEN = "expect_column_values_to_be_between"


@pytest.fixture
def lake(tmp_path: Path) -> str:
    """Twenty readings of two sensors at noon in each layer, and one on the day before."""
    root = str(tmp_path / "lake")
    rows = [
        accepted("t", at % 2, at // 2, f"s-{at % 2}", NOON + timedelta(minutes=at // 2), value=float(at))
        for at in range(20)
    ]
    rows.append(accepted("t", 0, 99, "s-0", NOON - timedelta(days=1)))
    append(root, Table.BRONZE, [*rows, {**rows[0], "offset": 50, "disposition": "dead_letter", "value": None}])
    judged = {"refine_seq": 1, "anomaly_reasons": [], "job_version": 1}
    silver = [{**row, **judged, "event_date": row["timestamp"].date()} for row in rows]
    for row in silver[:5]:
        row["anomaly_score"] = 1.5
    append(root, Table.SILVER, silver)
    append(root, Table.SENSOR_5MIN, [window(sensor, start) for sensor in ("s-0", "s-1") for start in (0, 5)])
    return root


def window(sensor: str, minutes: int) -> dict[str, Any]:
    start = NOON + timedelta(minutes=minutes)
    return {
        "sensor_id": sensor, "sensor_type": "temperature", "location": "floor-1", "unit": "celsius",
        "window_start": start, "window_end": start + timedelta(minutes=5), "reading_count": 5, "anomaly_count": 0,
        "value_avg": 4.0, "value_min": 0.0, "value_max": 8.0, "value_stddev": 3.1, "p50": 4.0, "p95": 8.0, "p99": 8.0,
        "health_pct": 100.0, "event_date": start.date(),
    }  # fmt: skip


def suite(*expectations: tuple[str, dict[str, Any]], layer: str = "silver") -> Suite:
    return Suite("s", 1, layer, "warn", tuple(Expectation(kind, arguments) for kind, arguments in expectations))


def only(spark: SparkSession, lake: str, kind: str, layer: str = "silver", **arguments: Any) -> Result:
    (result,) = evaluate(spark, lake, suite((kind, arguments), layer=layer), START, END).results
    return result


def test_provided_suites_pass_over_what_a_sound_pipeline_leaves(spark: SparkSession, lake: str) -> None:
    suites = [Suite.of({**raw, "version": 1}) for raw in PROVIDED]
    done = Evaluate(spark, lake, suites, START, END).run()
    found = [Evaluation.of(json.loads(json.dumps(raw))) for raw in done.detail["evaluations"]]
    assert [(item.suite, item.verdict, item.rows) for item in found] == [
        ("bronze", "passed", 20), ("silver", "passed", 20), ("gold", "passed", 4),
    ]  # fmt: skip
    assert done.rows_in == 44
    assert [item["readings"] for item in done.detail["profiles"]] == [20]


def test_rows_that_fail_are_counted_and_the_first_are_shown(spark: SparkSession, lake: str) -> None:
    result = only(spark, lake, BETWEEN, column="value", min_value=7)
    assert (result.verdict, result.unexpected, result.message) == ("failed", 7, "7 of 20 rows do not comply")
    assert len(result.samples) == 5
    sample = next(item for item in result.samples if item["value"] == 3.0)
    assert sample == {
        "topic": "t", "partition": 1, "offset": 1, "sensor_id": "s-1", "value": 3.0,
        "timestamp": "2026-03-01T12:01:00+00:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "arguments", "unexpected"),
    [
        (NOT_NULL, {"column": "anomaly_score"}, 15),
        ("expect_column_values_to_be_null", {"column": "anomaly_score"}, 5),
        ("expect_column_values_to_be_in_set", {"column": "sensor_id", "value_set": ["s-1"]}, 10),
        ("expect_column_values_to_not_be_in_set", {"column": "value", "value_set": [1.0, 2.0]}, 2),
        ("expect_column_values_to_match_regex", {"column": "sensor_id", "regex": "^s-0$"}, 10),
        ("expect_column_values_to_not_match_regex", {"column": "sensor_id", "regex": "0"}, 10),
        ("expect_column_value_lengths_to_be_between", {"column": "unit", "max_value": 3}, 20),
        ("expect_column_values_to_be_unique", {"column": "offset"}, 20),
        ("expect_compound_columns_to_be_unique", {"column_list": ["unit", "timestamp"]}, 20),
        ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "offset", "column_B": "value"}, 20),
    ],
)
def test_each_word_about_rows_counts_and_shows_what_breaks_it(
    spark: SparkSession, lake: str, kind: str, arguments: dict[str, Any], unexpected: int
) -> None:
    result = only(spark, lake, kind, **arguments)
    assert (result.verdict, result.unexpected) == (Verdict.FAILED, unexpected)
    assert len(result.samples) == min(unexpected, 5)
    assert all(item["sensor_id"] in ("s-0", "s-1") for item in result.samples)


def test_a_share_of_rows_may_fail_where_that_is_said(spark: SparkSession, lake: str) -> None:
    result = only(spark, lake, BETWEEN, column="value", min_value=2, mostly=0.9)
    assert (result.verdict, result.unexpected, result.samples) == (Verdict.PASSED, 2, [])


@pytest.mark.parametrize(
    ("kind", "arguments", "observed"),
    [
        ("expect_column_mean_to_be_between", {"column": "value", "min_value": 100}, 9.5),
        ("expect_column_max_to_be_between", {"column": "value", "max_value": 3}, 19.0),
        ("expect_table_row_count_to_be_between", {"min_value": 21}, 20),
        ("expect_column_unique_value_count_to_be_between", {"column": "sensor_id", "min_value": 3}, 2),
        (
            "expect_column_proportion_of_non_null_values_to_be_between",
            {"column": "anomaly_score", "min_value": 0.5},
            0.25,
        ),
    ],
)
def test_a_figure_that_fails_says_what_was_observed(
    spark: SparkSession, lake: str, kind: str, arguments: dict[str, Any], observed: Any
) -> None:
    result = only(spark, lake, kind, **arguments)
    assert (result.verdict, result.unexpected) == (Verdict.FAILED, None)
    assert result.observed == observed
    assert result.message.startswith("observed ")


def test_a_column_that_is_missing_is_an_error_and_the_others_are_judged(spark: SparkSession, lake: str) -> None:
    found = evaluate(
        spark, lake, suite((NOT_NULL, {"column": "humidity"}), (NOT_NULL, {"column": "value"})), START, END
    )
    wrong, right = found.results
    assert (wrong.verdict, right.verdict, found.verdict) == ("error", "passed", "error")
    assert "humidity" in wrong.message


def test_what_raises_is_an_error(spark: SparkSession, lake: str) -> None:
    result = only(spark, lake, "expect_column_values_to_match_regex", column="unit", regex="(?P<name>c)")
    assert result.verdict == Verdict.ERROR
    assert result.message


def test_of_no_rows_nothing_passes(spark: SparkSession, lake: str) -> None:
    empty = START + timedelta(days=30)
    found = evaluate(spark, lake, suite((NOT_NULL, {"column": "value"})), empty, empty + timedelta(days=1))
    assert (found.verdict, found.rows, found.results[0].verdict) == ("empty", 0, "empty")
    assert found.results[0].message == "no rows to look at"


def test_a_table_that_is_not_there_is_an_error(spark: SparkSession, lake: str) -> None:
    shutil.rmtree(Table.SENSOR_5MIN.under(lake))
    found = evaluate(spark, lake, suite((NOT_NULL, {"column": "p50"}), layer="gold"), START, END)
    assert found.verdict == Verdict.ERROR
    assert found.results[0].message.startswith("gold/sensor_5min cannot be read: ")


def test_files_that_vanish_under_it_are_an_error(spark: SparkSession, lake: str) -> None:
    for file in Path(Table.SILVER.under(lake)).glob("*/*.parquet"):
        file.unlink()
    found = evaluate(spark, lake, suite((NOT_NULL, {"column": "value"})), START, END)
    assert found.verdict == Verdict.ERROR
    assert "silver/readings cannot be read" in found.results[0].message


def test_a_check_that_takes_too_long_is_an_error_and_the_next_suite_is_evaluated(
    spark: SparkSession, lake: str
) -> None:
    slow = suite((NOT_NULL, {"column": "value"}), (BETWEEN, {"column": "value", "min_value": 0}))
    found = evaluate(spark, lake, slow, START, END, seconds=0.01)
    assert found.verdict == Verdict.ERROR
    assert all("not done in 0.01 s" in item.message for item in found.results)
    assert evaluate(spark, lake, slow, START, END).verdict == Verdict.PASSED


def test_bronze_is_what_was_accepted_and_every_layer_is_cut_by_time(spark: SparkSession, lake: str) -> None:
    half = NOON + timedelta(minutes=5)
    counts = [rows_of(spark, lake, layer, NOON, half).count() for layer in ("bronze", "silver", "gold")]
    assert counts == [10, 10, 2]
    assert rows_of(spark, lake, "bronze", START - timedelta(days=1), END).count() == 21


def test_profiles_are_of_each_day_and_type(spark: SparkSession, lake: str) -> None:
    extra = accepted("t", 0, 200, "h-0", NOON, sensor_type="humidity", value=55.0)
    append(lake, Table.SILVER, [{**extra, "event_date": NOON.date(), "job_version": 1}])
    found = profiles(rows_of(spark, lake, "silver", START, END))
    assert [(item.day, item.sensor_type, item.readings) for item in found] == [
        ("2026-03-01", "humidity", 1), ("2026-03-01", "temperature", 20),
    ]  # fmt: skip
    assert (found[0].spread, found[0].null_share) == (0.0, 1.0)
    assert (found[1].mean, found[1].null_share) == (9.5, 0.75)
    assert found[1].spread == pytest.approx(5.916, abs=1e-3)
    assert DeltaTable(Table.SILVER.under(lake)).version() == 2


def test_the_quality_application_leaves_what_it_found_in_its_outcome(jars: Path, lake: str, tmp_path: Path) -> None:
    told = QualityArguments(
        **shared(lake, tmp_path, jars), start=NOON.isoformat(), end=(NOON + timedelta(minutes=5)).isoformat(),
        suites=(suite((BETWEEN, {"column": "value", "max_value": 0})),), driver_memory="1g",
    )  # fmt: skip
    path = tmp_path / "arguments.json"
    path.write_text(told.to_json(), encoding="utf-8")
    assert QualityArguments.read(str(path)) == told
    argv = [sys.executable, "-m", "spark_jobs.jobs.quality", str(path)]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    outcome = Outcome.read(Path(told.workspace))
    assert outcome is not None
    (stage,) = outcome.stages
    (found,) = stage.detail["evaluations"]
    assert (stage.rows_in, found["verdict"], found["results"][0]["unexpected"]) == (10, "failed", 9)
    assert stage.detail["profiles"] == []
    assert {item.name for item in tmp_path.iterdir()} <= {
        "lake",
        "workspace",
        "arguments.json",
    }  # and nothing of theirs


def test_a_batch_run_evaluates_its_days(spark: SparkSession, jars: Path, lake: str, tmp_path: Path) -> None:
    told = BatchArguments(
        **shared(lake, tmp_path, jars), first_day="2026-02-28", last_day="2026-03-01", version=1, sensor_types=(),
        suites=(suite((NOT_NULL, {"column": "value"})),),
    )  # fmt: skip
    path = tmp_path / "arguments.json"
    path.write_text(told.to_json(), encoding="utf-8")
    assert serve(["batch", str(path)], BatchArguments, "", batch.stages) == 0
    outcome = Outcome.read(Path(told.workspace))
    assert outcome is not None
    (found,) = outcome.stages[0].detail["evaluations"]
    assert (found["verdict"], found["rows"], found["start"]) == ("passed", 21, "2026-02-28T00:00:00+00:00")
    assert [item["day"] for item in outcome.stages[0].detail["profiles"]] == ["2026-02-28", "2026-03-01"]


def shared(lake: str, folder: Path, jars: Path) -> dict[str, Any]:
    return {
        "pipeline": "plant", "run_tag": "tag", "run": 7, "attempt": 1, "stages": (StageName.EVALUATE,), "lake": lake,
        "workspace": str(folder / "workspace"), "bootstrap_servers": "localhost:1", "telemetry_topic": "telemetry",
        "jars": tuple(str(jar) for jar in sorted(jars.glob("*.jar"))),
    }  # fmt: skip
