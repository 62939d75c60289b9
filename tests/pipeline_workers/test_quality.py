"""What applications find of the suites: kept once, told of, and a load held back by it. Real processes stand in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlplane.alerts.models import Incident, Notification
from controlplane.ledger.models import LedgerEntry
from controlplane.pipelines.models import Pipeline
from controlplane.quality.models import DayProfile, ExpectationResult, SuiteEvaluation
from controlplane.quality.services import suite_save, suite_switch, suites_ensure
from controlplane.runs.models import Run
from controlplane.runs.selectors import days_held
from controlplane.runs.services import run_request, run_retry
from controlplane.runs.states import RunState
from pipeline_workers.runs.arguments import arguments_of
from pipeline_workers.runs.stages.quality import quality
from spark_jobs.applications import QualityArguments
from tests.controlplane.quality.found import DAY, NOT_NULL, evaluation
from tests.pipeline_workers.test_runs import SPARK, application, backfill, checked, lake, states, until_turned

__all__ = ["checked", "lake"]
pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]
Told = Callable[..., None]


@pytest.fixture
def suites(pipeline: Pipeline) -> None:
    for name, severity in (("strict", "hold"), ("mild", "warn")):
        values = {"layer": "silver", "severity": severity, "expectations": [NOT_NULL]}
        suite_save(pipeline="plant", name=name, values=values, actor=None)


@pytest.fixture
def tells(lake: Path, suites: None) -> Told:
    """Have the application tell verdicts of suites."""
    for stage in SPARK:
        (lake / stage).write_text("7")

    def tells(version: int = 1, profiles: list[dict[str, Any]] | None = None, **verdicts: str) -> None:
        samples = [{"sensor_id": "a\0b"}]
        told = [evaluation(name, verdict, version=version, samples=samples) for name, verdict in verdicts.items()]
        new = lake / "new"
        new.write_text(json.dumps({"evaluations": told, "profiles": profiles or []}))
        new.rename(lake / "evaluate")

    return tells


def decided(run: Run) -> Run:
    return until_turned(run, lambda now: now.is_over or states(now)["load"] == "running")


@pytest.mark.parametrize("verdict", ["failed", "error"])
def test_a_suite_that_holds_and_does_not_pass_keeps_the_day_out_of_the_warehouse(
    verdict: str, tells: Told, pipeline: Pipeline
) -> None:
    tells(strict=verdict, mild="passed")
    run = decided(backfill())
    assert run.state == RunState.FAILED
    assert run.cause.startswith("quality: suite strict v1: 1 of 1 expectations do not hold: ")
    assert f"expect_column_values_to_not_be_null of value ({verdict}, 3 unexpected, observed 2.5)" in run.cause
    assert pipeline.loads.count() == 0
    incident = Incident.objects.get(kind="quality_failed")
    assert (incident.object, incident.cleared_at) == ("pipeline/plant/suite/strict", None)
    assert Notification.objects.get().subject == f"plant: suite strict has {verdict}"


@pytest.mark.parametrize("verdicts", [{"strict": "passed", "mild": "failed"}, {"strict": "empty", "mild": "error"}, {}])
def test_a_warning_and_an_empty_table_hold_nothing_and_tell_nobody(verdicts: dict[str, str], tells: Told) -> None:
    tells(**verdicts)
    run = decided(backfill())
    assert states(run)["load"] == "running"
    assert dict(SuiteEvaluation.objects.values_list("suite__name", "verdict")) == verdicts
    assert not Incident.objects.exists()


def test_the_days_of_a_run_are_held_until_it_or_another_has_passed(tells: Told, pipeline: Pipeline) -> None:
    tells(strict="failed")
    assert days_held(pipeline) == set()
    run = decided(backfill())
    assert days_held(pipeline) == {DAY}
    tells(strict="passed")
    other = decided(run_request(pipeline="plant", kind="backfill", first_day=DAY - timedelta(days=1), last_day=DAY))
    assert days_held(pipeline) == set()
    assert run.state == RunState.FAILED
    assert states(other)["load"] == "running"


def test_what_runs_have_not_judged_yet_is_held(tells: Told, lake: Path, pipeline: Pipeline) -> None:
    (lake / "evaluate").unlink()
    run = until_turned(backfill(2), lambda now: states(now)["evaluate"] == "running")
    assert days_held(pipeline) == {DAY - timedelta(days=1)}
    tells(strict="passed")
    decided(run)
    assert days_held(pipeline) == set()


def test_a_retry_evaluates_again_and_clears_the_incident_when_it_passes(tells: Told, pipeline: Pipeline) -> None:
    tells(strict="failed", mild="passed")
    run = decided(backfill())
    run_retry(run_id=run.pk, actor=None)
    assert states(run)["evaluate"] == "pending"
    tells(strict="passed", mild="passed")
    run = decided(run)
    assert states(run)["load"] == "running"
    assert application_stages(run) == [list(SPARK), ["evaluate"]]
    assert Incident.objects.get().resolution == f"suite strict passed in run {run.pk}"
    assert SuiteEvaluation.objects.filter(suite__name="strict").count() == 1  # told again, it is replaced


def application_stages(run: Run) -> list[list[str]]:
    return list(run.applications.order_by("number").values_list("stages", flat=True))


def test_a_suite_that_was_mended_is_what_a_retry_decides_by(tells: Told) -> None:
    tells(strict="failed")
    run = decided(backfill())
    values = {"layer": "silver", "severity": "hold", "expectations": [NOT_NULL, NOT_NULL]}
    suite_save(pipeline="plant", name="strict", values=values, actor=None)
    run_retry(run_id=run.pk, actor=None)
    tells(version=2, strict="passed")
    run = decided(run)
    assert states(run)["load"] == "running"
    verdicts = SuiteEvaluation.objects.order_by("version__number").values_list("version__number", "verdict")
    assert list(verdicts) == [(1, "failed"), (2, "passed")]


def test_a_suite_that_holds_no_more_or_is_disabled_has_no_incident(tells: Told, pipeline: Pipeline) -> None:
    tells(strict="failed")
    run = decided(backfill())
    suite_switch(pipeline="plant", name="strict", enabled=False, actor=None)
    assert Incident.objects.get().resolution == "the suite was disabled"
    run_retry(run_id=run.pk, actor=None)
    tells(mild="failed")
    assert states(decided(run))["load"] == "running"


def test_the_bulk_is_kept_once_and_not_with_the_run(tells: Told) -> None:
    tells(strict="passed", mild="failed")
    run = decided(backfill())
    stage = run.stages.get(name="evaluate")
    assert set(stage.detail["suites"]) == {"strict", "mild"}
    assert stage.attempts.get().detail == stage.detail
    assert set(stage.detail) == {"suites"}
    result = ExpectationResult.objects.get(evaluation__suite__name="mild")
    assert (result.verdict, result.samples) == ("failed", [{"sensor_id": "a\ufffdb"}])  # which a column can hold
    before = SuiteEvaluation.objects.count()
    quality(run, run.stages.get(name="quality"))  # as by a worker that died behind it
    assert SuiteEvaluation.objects.count() == before


def profile(day: date, kind: str = "temperature", **figures: float) -> dict[str, Any]:
    usual = {"readings": 1000, "null_share": 0.01, "mean": 21.0, "spread": 2.0}
    return {"day": day.isoformat(), "sensor_type": kind, **usual, **figures}


def test_a_day_unlike_those_before_it_is_drift_which_warns(tells: Told, pipeline: Pipeline) -> None:
    suites_ensure(pipeline=pipeline)
    for number in range(1, 5):
        for kind in ("temperature", "pressure"):
            told = profile(DAY - timedelta(days=number), kind) | {"pipeline": pipeline}
            DayProfile.objects.create(**told, told_at=datetime.now(UTC))
    tells(strict="passed", profiles=[profile(DAY, mean=30.0)])
    run = decided(backfill())
    assert states(run)["load"] == "running"
    drift = SuiteEvaluation.objects.get(suite__name="drift")
    assert (drift.verdict, drift.run, drift.rows) == ("failed", run.pk, 1000)
    results = {(item.type, item.arguments["sensor_type"]): item for item in drift.results.all()}
    assert results["drift_mean", "temperature"].message == f"{DAY}: 30 instead of about 21"
    assert results["drift_volume", "pressure"].observed == {"day": f"{DAY}", "value": 0.0, "usual": 1000.0, "days": 4}
    failed = {key for key, item in results.items() if item.verdict == "failed"}
    assert failed == {("drift_mean", "temperature"), ("drift_volume", "pressure")}
    assert not Incident.objects.exists()


class TestQualityRun:
    @pytest.fixture(autouse=True)
    def standin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(QualityArguments, "module", "tests.pipeline_workers.standin_application")

    def test_it_succeeds_whatever_it_finds_and_tells_of_it(self, tells: Told, pipeline: Pipeline) -> None:
        tells(strict="failed", mild="passed")
        run = run_request(pipeline="plant", kind="quality")
        run = until_turned(run, lambda now: now.is_over)
        assert (run.state, run.cause) == (RunState.SUCCEEDED, "")
        assert list(states(run)) == ["evaluate", "quality"]
        assert run.stages.get(name="quality").detail["suites"]["strict"]["verdict"] == "failed"
        assert Incident.objects.get().kind == "quality_failed"
        assert not DayProfile.objects.exists()  # hours are no day
        tells(strict="passed", mild="passed")
        again = run_request(pipeline="plant", kind="quality")
        until_turned(again, lambda now: now.is_over)
        assert Incident.objects.get().cleared_at is not None

    def test_it_looks_at_the_newest_complete_hours_of_gold(self, lake: Path, suites: None, pipeline: Pipeline) -> None:
        newest = datetime(2026, 3, 9, 14, tzinfo=UTC)
        row = {"pipeline": pipeline, "query": "aggregate", "generation": 1, "measure": "gold", "count": 5}
        for number, hour in enumerate((newest - timedelta(hours=1), newest)):
            LedgerEntry.objects.create(batch=number, hour=int(hour.timestamp()), **row)
        run = run_request(pipeline="plant", kind="quality", parameters={"hours": 3})
        run = until_turned(run, lambda now: now.applications.filter(state="launched").exists())
        told = arguments_of(application(run))
        assert isinstance(told, QualityArguments)
        assert (told.start, told.end) == ("2026-03-09T11:00:00+00:00", "2026-03-09T14:00:00+00:00")
        assert [suite.name for suite in told.suites] == ["mild", "strict"]

    def test_with_nothing_in_gold_it_is_our_own_hour(self, lake: Path, pipeline: Pipeline) -> None:
        run = run_request(pipeline="plant", kind="quality")
        run = until_turned(run, lambda now: now.applications.filter(state="launched").exists())
        told = arguments_of(application(run))
        assert isinstance(told, QualityArguments)
        end = datetime.fromisoformat(told.end)
        assert (end.minute, end - datetime.fromisoformat(told.start)) == (0, timedelta(hours=1))
        assert timedelta(0) <= datetime.now(UTC) - end < timedelta(hours=1, minutes=5)
