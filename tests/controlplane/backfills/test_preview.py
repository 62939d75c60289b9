"""What a backfill would come to, told before anything starts."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from controlplane.backfills.models import Backfill
from controlplane.backfills.selectors import backfill_preview
from controlplane.backfills.selectors.estimate import ASSUMED
from controlplane.backfills.wanted import wanted_checked
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.runs.services import run_request
from tests.controlplane.backfills.days import asked, day, ran, reported, timed

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def preview(pipeline: Pipeline, days: int = 3, **wanted: Any) -> dict[str, Any]:
    today = timezone.now().date()
    told = wanted_checked(today=today, first_day=day(0), last_day=day(days - 1), **wanted)
    return backfill_preview(pipeline, told)


def test_each_day_tells_its_readings_and_one_of_which_nothing_is_known_says_so(pipeline: Pipeline) -> None:
    reported(pipeline, 0, "silver", 100, batch=1, hour=0)
    reported(pipeline, 0, "silver", 20, batch=2, hour=23)
    reported(pipeline, 0, "deferred", 7, batch=1)
    reported(pipeline, 2, "silver", 5, hour=0)
    reported(pipeline, 3, "silver", 1000, hour=0)
    reported(pipeline, 1, "kept", 9)
    found = preview(pipeline)
    told = [(item["day"], item["silver"], item["deferred"]) for item in found["days"]]
    assert told == [(day(0), 120, 7), (day(1), None, None), (day(2), 5, None)]
    assert (found["slots"], found["readings"], found["unknown_days"]) == (3, 132, 1)


def test_readings_of_another_pipeline_are_not_counted(pipeline: Pipeline) -> None:
    reported(Pipeline.objects.create(name="other", topic="t"), 0, "silver", 100)
    assert preview(pipeline, 1)["days"][0]["silver"] is None


def test_each_day_tells_what_came_of_it_before_and_whether_it_gets_a_slot(pipeline: Pipeline) -> None:
    good, bad = ran(0), ran(1, "failed", kind="backfill")
    found = preview(pipeline, only="failed")
    told = [(item["before"], item["run"], item["slot"]) for item in found["days"]]
    assert told == [("succeeded", good.pk, False), ("failed", bad.pk, True), ("never", None, False)]
    assert found["slots"] == 1


def test_without_a_run_that_succeeded_the_estimate_is_assumed_and_says_so(pipeline: Pipeline) -> None:
    reported(pipeline, 0, "silver", 20_000)
    ran(1, "failed")
    found = preview(pipeline)["estimate"]
    assert found["seconds"] == 20_000 / ASSUMED.rows_per_second + 3 * ASSUMED.fixed_seconds
    assert found["how"].startswith("assumed")
    assert "2 of 3 days count as empty" in found["how"]


def test_the_estimate_goes_by_the_runs_that_succeeded_and_not_by_their_waiting(pipeline: Pipeline) -> None:
    reported(pipeline, 0, "silver", 4000)
    timed(ran(5), rows=1000, spark=5, whole=30, waited=600)
    timed(ran(6, kind="backfill"), rows=3000, spark=5, whole=40)
    timed(ran(7), rows=0, spark=5, whole=1000)
    found = preview(pipeline, 1)["estimate"]
    assert (found["rows_per_second"], found["fixed_seconds"], found["seconds"]) == (200, 25, 45)
    assert found["how"].startswith("as the last 2 runs that succeeded")


def test_runs_beside_each_other_are_no_more_than_the_installation_allows(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preview(pipeline, 4, concurrency=4)["estimate"]["at_once"] == 1
    monkeypatch.setitem(settings.PENSTOCK, "applications", 2)
    found = preview(pipeline, 4, concurrency=4)["estimate"]
    assert (found["at_once"], found["seconds"]) == (2, 2 * ASSUMED.fixed_seconds)


def test_conflicts_are_named_and_nothing_is_made(pipeline: Pipeline) -> None:
    assert preview(pipeline)["conflicts"] == []
    other = asked(1)
    run = run_request(pipeline="plant", kind="daily", first_day=day(2))
    found = preview(pipeline)["conflicts"]
    assert found == [
        f"backfill {other.pk} is queued and has {day(0)}",
        f"daily run {run.pk} is queued and works on {day(2)}",
    ]
    assert (Backfill.objects.count(), Run.objects.count()) == (1, 1)
    assert preview(pipeline, only="failed")["conflicts"][-1] == "no day of the range has failed"
