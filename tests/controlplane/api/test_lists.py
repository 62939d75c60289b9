from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.pipelines.models import Pipeline
from controlplane.sensors.models import Sensor
from controlplane.warehouse.models import Load, LoadStatus
from tests.controlplane.api import rows
from tests.controlplane.api.conftest import Caller
from tests.controlplane.api.rows import LISTS

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
LISTED = pytest.mark.parametrize("path", sorted(LISTS))
BATCHES = "pipelines/plant/batches"


def fetched(caller: Caller, path: str) -> tuple[int, int]:
    """Rows that came, and queries that they took."""
    with CaptureQueriesContext(connection) as taken:
        answer = caller.get(path, limit=200)
    assert answer.status_code == 200, answer.content
    return len(answer.json()["results"]), len(taken)


@LISTED
def test_fifty_rows_take_the_queries_of_one(administrator: Caller, pipeline: Pipeline, path: str) -> None:
    administrator.get("environment")  # from here on the token's use is noted
    LISTS[path](pipeline, range(1))
    few, for_few = fetched(administrator, path)
    LISTS[path](pipeline, range(1, 50))
    many, for_many = fetched(administrator, path)
    assert many == few + 49
    assert for_many == for_few


@LISTED
def test_pages_have_every_row_once_forwards_and_backwards(administrator: Caller, pipeline: Pipeline, path: str) -> None:
    LISTS[path](pipeline, range(25))
    whole = administrator.get(path, limit=200).json()["results"]
    pages, cursor = [], None
    while cursor or not pages:
        answer = administrator.get(path, limit=7, **({"cursor": cursor} if cursor else {})).json()
        pages.append(answer)
        cursor = answer["next"]
    assert [row for page in pages for row in page["results"]] == whole
    back = administrator.get(path, limit=7, cursor=pages[-1]["previous"]).json()
    assert back["results"] == pages[-2]["results"]


def test_rows_that_arrive_meanwhile_shift_no_page(viewer: Caller, pipeline: Pipeline) -> None:
    rows.batches(pipeline, range(10))
    first = viewer.get(BATCHES, limit=5).json()
    rows.batches(pipeline, range(10, 20))
    second = viewer.get(BATCHES, limit=5, cursor=first["next"]).json()
    assert [row["batch"] for row in first["results"] + second["results"]] == list(range(9, -1, -1))


def test_a_page_has_fifty_rows_unless_told(viewer: Caller, pipeline: Pipeline) -> None:
    rows.batches(pipeline, range(60))
    assert len(viewer.get(BATCHES).json()["results"]) == 50


@LISTED
def test_a_page_size_that_makes_no_sense_is_refused(administrator: Caller, pipeline: Pipeline, path: str) -> None:
    for limit in ("0", "-1", "201", "1000000", "ten", "1.5", "", "٣", "9" * 5000):
        answer = administrator.get(path, limit=limit)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["limit"]), limit


def forged(**parts: str) -> str:
    return base64.b64encode(urlencode(parts).encode()).decode()


@LISTED
def test_a_cursor_that_is_none_is_refused(administrator: Caller, pipeline: Pipeline, path: str) -> None:
    made_up = [forged(x="1"), forged(p=""), forged(p="5"), forged(o="900"), forged(o="9" * 30), forged(r="1", p="a\0b")]
    for cursor in ["", "x", "%%%", "ü", "a" * 5000, "bm9uZQ==", ":", "W10:", *made_up]:
        answer = administrator.get(path, cursor=cursor)
        assert (answer.status_code, list(answer.json().get("errors", []))) == (400, ["cursor"]), cursor


@LISTED
def test_a_cursor_of_another_list_or_one_that_was_changed_is_refused(
    administrator: Caller, pipeline: Pipeline, path: str
) -> None:
    for fill in LISTS.values():
        fill(pipeline, range(3))
    cursors = {other: administrator.get(other, limit=1).json()["next"] for other in LISTS}
    mine = cursors.pop(path)
    assert administrator.get(path, cursor=mine).status_code == 200
    for cursor in [*cursors.values(), mine[:-1], mine + "A", "A" + mine, mine.swapcase()]:
        answer = administrator.get(path, cursor=cursor)
        assert (answer.status_code, list(answer.json().get("errors", []))) == (400, ["cursor"]), cursor


@LISTED
def test_an_unknown_filter_is_refused(administrator: Caller, pipeline: Pipeline, path: str) -> None:
    answer = administrator.get(path, colour="red")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"colour": ["unknown"]})


@pytest.mark.parametrize(
    ("path", "name"),
    [(BATCHES, "query"), ("pipelines/plant/ledger-entries", "measure"), ("pipelines/plant/loads", "status")],
)
def test_a_filter_knows_its_values(viewer: Caller, pipeline: Pipeline, path: str, name: str) -> None:
    for value in ("nonsense", "a\0b"):
        answer = viewer.get(path, **{name: value})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_batches_entries_and_loads_are_filtered(viewer: Caller, pipeline: Pipeline) -> None:
    rows.batches(pipeline, range(3))
    rows.entries(pipeline, range(3))
    rows.loads(pipeline, range(3))
    Load.objects.filter(pk=Load.objects.earliest("pk").pk).update(status=LoadStatus.FAILED, latency=[])

    def count(path: str, **query: str) -> int:
        return len(viewer.get(f"pipelines/plant/{path}", **query).json()["results"])

    assert (count("batches", query="ingest"), count("batches", query="refine")) == (3, 0)
    assert (count("ledger-entries", measure="kafka"), count("ledger-entries", measure="gold")) == (3, 0)
    assert (count("loads", status="failed"), count("loads", status="succeeded")) == (1, 2)


def test_a_load_tells_its_latency_and_one_that_brought_nothing_none(viewer: Caller, pipeline: Pipeline) -> None:
    rows.loads(pipeline, range(2))
    Load.objects.filter(pk=Load.objects.latest("pk").pk).update(latency=[])
    found = [item["latency"] for item in viewer.get("pipelines/plant/loads").json()["results"]]
    assert found == [None, {"p50": 1.0, "p95": 1.0, "p99": 1.0}]


def test_an_entry_tells_its_hour_as_a_time(viewer: Caller, pipeline: Pipeline) -> None:
    rows.entries(pipeline, range(1))
    (entry,) = viewer.get("pipelines/plant/ledger-entries").json()["results"]
    assert (entry["hour"], entry["measure"], entry["count"]) == ("1970-01-01T01:00:00Z", "kafka", 1)


@pytest.mark.parametrize("path", ["batches", "ledger-entries", "loads", "versions"])
def test_a_list_of_a_pipeline_that_is_not_there_is_not_found(viewer: Caller, pipeline: Pipeline, path: str) -> None:
    assert viewer.get(f"pipelines/other/{path}").status_code == 404


def test_sensors_are_found_by_a_part_of_their_name_by_type_and_by_place(viewer: Caller, pipeline: Pipeline) -> None:
    rows.sensors(pipeline, range(12))
    Sensor.objects.filter(sensor_id="s-003").update(location="Cellar", type_name="flow")

    def found(**query: str) -> list[str]:
        return [item["sensor_id"] for item in viewer.get("sensors", **query).json()["results"]]

    assert found(search="S-01") == ["s-010", "s-011"]
    assert found(search="cell") == found(type="flow") == found(location="Cellar") == ["s-003"]
    assert found(search="%") == found(search="_00") == []
    assert len(found(type="temperature")) == 11


def test_a_search_that_no_text_column_can_hold_is_refused(viewer: Caller, pipeline: Pipeline) -> None:
    for name in ("search", "type", "location"):
        assert viewer.get("sensors", **{name: "a\0b"}).status_code == 400
        assert viewer.get("sensors", **{name: "x" * 256}).status_code == 400
