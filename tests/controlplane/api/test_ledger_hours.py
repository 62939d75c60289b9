from __future__ import annotations

import pytest

from controlplane.ledger.services import entries_record
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import Entry
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PATH = "pipelines/plant/ledger/hours"
HOUR = 3600 * 494_000


@pytest.fixture
def counted(pipeline: Pipeline) -> None:
    entries = [Entry(HOUR, "kafka", 3), Entry(HOUR, "accepted", 2), Entry(HOUR + 3600, "kafka", 1)]
    entries_record(pipeline=pipeline, query="ingest", generation=1, batch=0, entries=entries)


def test_hours_are_told_newest_first_with_what_holds_in_each(viewer: Caller, counted: None) -> None:
    newest, oldest = viewer.get(PATH).json()["hours"]
    assert (newest["hour"], oldest["hour"]) == ("2026-05-10T09:00:00Z", "2026-05-10T08:00:00Z")
    assert oldest["balanced"] is False
    assert oldest["equations"][:2] == [
        {"name": "Kafka = Bronze", "left": 3, "right": 2, "pending": 0, "holds": False},
        {"name": "Bronze = Silver + set aside", "left": 2, "right": 0, "pending": 2, "holds": True},
    ]


def test_a_range_is_what_was_asked_for(viewer: Caller, counted: None) -> None:
    found = viewer.get(PATH, since="2026-05-10T08:30:00Z", until="2026-05-10T09:00:00Z").json()["hours"]
    assert [item["hour"] for item in found] == ["2026-05-10T08:00:00Z"]
    assert viewer.get(PATH, until="2000-01-01T00:00:00Z").json() == {"hours": []}


def test_a_pipeline_of_which_nothing_was_counted_has_no_hours(viewer: Caller, pipeline: Pipeline) -> None:
    assert viewer.get(PATH).json() == {"hours": []}


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"since": "2026-05-10T08:00:00Z", "until": "2026-05-10T07:00:00Z"},
        {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"},
        {"from": "2026-05-10T08:00:00Z"},
    ],
)
def test_a_range_that_is_none_is_refused(viewer: Caller, counted: None, query: dict[str, str]) -> None:
    assert viewer.get(PATH, **query).status_code == 400
