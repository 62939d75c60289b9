"""What the control plane forgets of its own records, and what of them it still needs however old it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane.alerts.models import Incident
from controlplane.alerts.services import incident_clear, incident_open, incidents_prune
from controlplane.alerts.states import IncidentKind
from controlplane.core.pruning import delete_in_chunks
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from controlplane.streaming.services import batches_prune
from controlplane.telemetry.selectors import figures
from controlplane.warehouse.models import Load, LoadStatus
from controlplane.warehouse.selectors import loaded_up_to, unloaded_since
from controlplane.warehouse.services import loads_prune, loads_recover

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
FAR = timedelta(days=40)


def batch(pipeline: Pipeline, number: int, query: str = "ingest", age: timedelta = FAR, **changes: Any) -> None:
    row = {"rows_in": 5, "seconds": 0.5, "table_version": number, **changes}
    at = timezone.now() - age
    MicroBatch.objects.create(
        pipeline=pipeline, query=query, generation=1, batch=number, committed_at=at + timedelta(seconds=number), **row
    )


def batches(query: str) -> list[int]:
    return sorted(MicroBatch.objects.filter(query=query).values_list("batch", flat=True))


def load(pipeline: Pipeline, status: str = LoadStatus.SUCCEEDED, age: timedelta = FAR, **changes: Any) -> int:
    at = timezone.now() - age
    made = Load.objects.create(pipeline=pipeline, status=status, committed_at=at, started_at=at, **changes)
    Load.objects.filter(pk=made.pk).update(requested_at=at)
    return int(made.pk)


def test_old_batches_go_and_young_ones_stay(pipeline: Pipeline) -> None:
    for number in range(3):
        batch(pipeline, number)
        batch(pipeline, number + 10, age=timedelta(days=29))
    assert batches_prune(days=30) == 3
    assert batches("ingest") == [10, 11, 12]


def test_the_newest_batches_stay_however_old_so_that_freshness_is_known(pipeline: Pipeline) -> None:
    for number in range(3):
        batch(pipeline, number)
    batch(pipeline, 3, rows_in=0)
    before = figures("plant")
    assert batches_prune(days=1) == 2
    assert batches("ingest") == [2, 3]
    after = figures("plant")
    assert after["last_batches"] == before["last_batches"]
    assert after["freshness"]["bronze"] == pytest.approx(before["freshness"]["bronze"], abs=5)


def test_batches_that_no_load_has_carried_stay_for_their_latency(pipeline: Pipeline) -> None:
    batch(pipeline, 1, "aggregate", carried_by=7)
    batch(pipeline, 2, "aggregate")
    batch(pipeline, 3, "aggregate", rows_in=0)
    batch(pipeline, 4, "aggregate", age=timedelta(0), carried_by=7)
    waiting = unloaded_since(pipeline)
    assert batches_prune(days=30) == 2
    assert batches("aggregate") == [2, 4]
    assert unloaded_since(pipeline) == waiting is not None


def test_loads_that_ended_long_ago_go_but_for_those_that_say_how_far_the_warehouse_is(pipeline: Pipeline) -> None:
    load(pipeline, readings=9, gold_seq=(1 << 40) + 4)
    load(pipeline, LoadStatus.FAILED)
    furthest = load(pipeline, readings=9, gold_seq=(1 << 40) + 5, age=timedelta(days=39))
    resting = load(pipeline, readings=0, gold_seq=-1, age=timedelta(days=38))
    running = load(pipeline, LoadStatus.RUNNING)
    before = figures("plant")
    assert loads_prune(days=30) == 2
    assert set(Load.objects.values_list("pk", flat=True)) == {furthest, resting, running}
    assert loaded_up_to(pipeline) == (1, 5)
    after = figures("plant")
    assert after["last_load"] == before["last_load"]
    assert after["freshness"]["warehouse"] == pytest.approx(before["freshness"]["warehouse"], abs=5)


@pytest.mark.usefixtures("no_broker")
def test_the_newest_load_stays_so_that_its_failure_is_made_good(pipeline: Pipeline) -> None:
    load(pipeline)
    failed = load(pipeline, LoadStatus.FAILED)
    loads_prune(days=1)
    assert Load.objects.filter(pk=failed).exists()
    assert loads_recover() == 1


def test_incidents_go_once_they_were_cleared_long_ago(db: None) -> None:
    for name in ("old", "young", "open"):
        incident_open(kind=IncidentKind.STREAM_STALLED, object=name, cause="c")
    for name in ("old", "young"):
        incident_clear(kind=IncidentKind.STREAM_STALLED, object=name, resolution="r")
    long_ago = timezone.now() - FAR
    Incident.objects.filter(object="old").update(cleared_at=long_ago)
    Incident.objects.filter(object="open").update(opened_at=long_ago)
    assert incidents_prune(days=30) == 1
    assert set(Incident.objects.values_list("object", flat=True)) == {"young", "open"}


def test_rows_go_chunk_by_chunk(pipeline: Pipeline) -> None:
    for number in range(5):
        batch(pipeline, number)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert delete_in_chunks(MicroBatch.objects.order_by("pk"), chunk=2) == 5
    assert sum(query["sql"].startswith("DELETE") for query in asked.captured_queries) == 3


@pytest.mark.parametrize("prune", [batches_prune, loads_prune, incidents_prune])
def test_less_than_a_day_is_refused(db: None, prune: Callable[..., int]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        prune(days=0)
