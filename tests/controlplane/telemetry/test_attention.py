"""Whom to wake for what: the warehouse that falls behind, and incidents that are open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.alerts.models import Incident
from controlplane.alerts.services import incident_clear, incident_open
from controlplane.alerts.states import IncidentKind
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch, StreamingJob
from controlplane.telemetry.selectors import figures
from controlplane.warehouse.models import Load, LoadStatus
from controlplane.warehouse.services import load_fail, load_finish, load_request, load_start, loads_recover
from spark_jobs.contracts import Entry
from tests.controlplane.telemetry.test_figures import codes, take

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOW = timezone.now()
JOB = "pipeline/plant/streaming-job"


def item(code: str) -> dict[str, Any]:
    return next(item for item in figures("plant")["attention"] if item["code"] == code)


def gold(batch: int, minutes: float = 0.0) -> None:
    take("aggregate", Entry(0, "gold", 5), Entry(0, "aggregated", 5), rows_in=5, batch=batch)
    MicroBatch.objects.filter(batch=batch).update(committed_at=NOW - timedelta(minutes=minutes))


def loaded(batch: int, minutes: float = 0.0) -> None:
    """A load that brought everything up to that batch of Gold, so long ago."""
    load = load_start(load_id=Load.objects.get(status=LoadStatus.REQUESTED).pk)
    assert load is not None
    at = (NOW - timedelta(minutes=minutes)).timestamp()
    load_finish(load=load, gold_version=1, gold_seq=1 << 40 | batch, windows=1, readings=5, committed_at=at)


def test_a_warehouse_that_no_load_has_reached_for_ten_minutes_is_behind_until_one_has(pipeline: Pipeline) -> None:
    gold(0, minutes=40)
    loaded(0, minutes=39)
    gold(1, minutes=9)
    gold(2)
    assert codes()["warehouse_stale"] == "warning"
    MicroBatch.objects.filter(batch=1).update(committed_at=NOW - timedelta(minutes=11))
    found = item("warehouse_behind")
    assert found["severity"] == "failing"
    assert found["since"] == pytest.approx((NOW - timedelta(minutes=11)).timestamp())
    assert f"no load has succeeded since {NOW - timedelta(minutes=39):%Y-%m-%d %H:%M} UTC" in found["detail"]
    assert "look at the loads and at the worker" in found["detail"]
    assert {"warehouse_stale", "load_failed"}.isdisjoint(codes())

    loaded(2)
    assert "warehouse_behind" not in codes()


def test_one_that_was_never_loaded_is_behind_too(pipeline: Pipeline) -> None:
    gold(0, minutes=11)
    assert "no load has succeeded yet" in item("warehouse_behind")["detail"]


def test_a_rest_of_hours_without_gold_is_no_delay(pipeline: Pipeline) -> None:
    gold(0, minutes=600)
    loaded(0, minutes=599)
    assert not {"warehouse_behind", "warehouse_stale"} & codes().keys()


def test_a_load_that_failed_is_named_while_it_is_tried_again_and_no_longer_when_it_succeeds(
    pipeline: Pipeline,
) -> None:
    gold(0)
    load = load_start(load_id=Load.objects.get().pk)
    assert load is not None
    load_fail(load=load, reason="the warehouse is full")
    assert item("load_failed")["detail"].startswith("the warehouse is full; 5 readings")
    loads_recover()
    assert Load.objects.filter(status=LoadStatus.REQUESTED).exists()
    assert codes()["load_failed"] == "failing"
    MicroBatch.objects.update(committed_at=NOW - timedelta(minutes=11))
    assert "the last load failed: the warehouse is full" in item("warehouse_behind")["detail"]
    load_request(pipeline=pipeline)
    loaded(0)
    assert not {"load_failed", "warehouse_behind"} & codes().keys()


@pytest.mark.parametrize("kind", IncidentKind)
def test_an_open_incident_is_named_since_it_was_opened_and_until_it_is_cleared(
    pipeline: Pipeline, kind: IncidentKind
) -> None:
    incident_open(kind=kind, object=JOB, cause="no room")
    opened = NOW - timedelta(hours=3)
    Incident.objects.update(opened_at=opened)
    found = item(kind)
    assert (found["severity"], found["since"]) == ("failing", opened.timestamp())
    assert found["title"]
    assert found["detail"].startswith("no room; ")
    incident_clear(kind=kind, object=JOB, resolution="there is room")
    assert kind not in codes()


def test_of_many_of_a_kind_one_item_tells_since_the_oldest_in_the_words_of_the_newest(pipeline: Pipeline) -> None:
    for number in range(3):
        incident_open(kind=IncidentKind.STREAM_STALLED, object=f"pipeline/plant/{number}", cause=f"cause {number}")
        at = NOW - timedelta(hours=3 - number)
        Incident.objects.filter(object=f"pipeline/plant/{number}").update(opened_at=at)
    found = item("stream_stalled")
    assert found["since"] == (NOW - timedelta(hours=3)).timestamp()
    assert found["detail"].startswith("cause 2; 2 more of the kind; ")


def test_incidents_of_another_pipeline_are_none_of_this(pipeline: Pipeline) -> None:
    incident_open(kind=IncidentKind.STREAM_STALLED, object="pipeline/plant2/streaming-job", cause="c")
    assert "stream_stalled" not in codes()


def test_a_driver_that_was_given_up_is_named_once_and_still_when_it_is_started_again(pipeline: Pipeline) -> None:
    incident_open(kind=IncidentKind.DRIVER_GIVEN_UP, object=JOB, cause="given up after 8 tries")
    StreamingJob.objects.update(observed="failed", desired="running", reason="given up after 8 tries")
    assert {"driver_failed": "failing"}.items() <= codes().items()
    assert "driver_given_up" not in codes()
    StreamingJob.objects.update(observed="launching")
    assert codes()["driver_given_up"] == "failing"
