"""Overview, series and simulator over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator

from controlplane.accounts.models import AuditEntry
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.metrics import Metric
from controlplane.telemetry.models import SimulatorControl
from controlplane.telemetry.services import live_publish
from controlplane.telemetry.services.rollups import Sample, rollups_add
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NOW = datetime.now(UTC)


def check(body: Any, component: str) -> None:
    """`body` is what the schema says, down to the last field."""
    schema = SchemaGenerator().get_schema(public=True)
    for described in schema["components"]["schemas"].values():
        if "properties" in described:
            described["additionalProperties"] = False
    jsonschema.validate(body, {"$ref": f"#/components/schemas/{component}", "components": schema["components"]})


def test_the_overview_is_what_was_published_and_what_the_schema_says(viewer: Caller, pipeline: Pipeline) -> None:
    before = viewer.get("pipelines/plant/overview").json()
    assert before["seq"] == 0
    check(before, "Overview")
    state = live_publish(pipeline=pipeline, broadcast=lambda _: None)
    after = viewer.get("pipelines/plant/overview").json()
    assert (after["seq"], after["data"]) == (1, state.data)
    check(after, "Overview")


def ask(caller: Caller, start: Any = NOW - timedelta(minutes=5), end: Any = NOW, metric: Any = ("lag",)) -> Any:
    return caller.get("pipelines/plant/series", **{"from": start, "to": end, "metric": list(metric)})


def test_series_come_by_metric_and_label(viewer: Caller, pipeline: Pipeline) -> None:
    at = (NOW - timedelta(minutes=1)).timestamp() // 10 * 10
    samples = [
        Sample(at, Metric.LAG, 4.0, label="0"),
        Sample(at, Metric.DEAD_LETTERS, 30.0, label="empty"),
        Sample(at, Metric.GOLD, 1.0),
    ]
    rollups_add(pipeline=pipeline, samples=samples)
    body = ask(viewer, metric=["lag", "dead_letters"]).json()
    check(body, "Series")
    assert [(item["metric"], item["label"], item["points"]) for item in body["series"]] == [
        ("dead_letters", "empty", [[at, 3.0, None, None]]),
        ("lag", "0", [[at, 4.0, 4.0, 4.0]]),
    ]


FIRST, LAST = "0001-01-01T00:00:0{}+23:59", "9999-12-31T23:59:5{}-23:59"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"start": NOW, "end": NOW - timedelta(seconds=1)}, ["to"]),
        ({"start": NOW - timedelta(hours=1501)}, ["from"]),
        ({"start": "2026-11-24T10:00:00"}, ["from"]),
        ({"start": "yesterday"}, ["from"]),
        ({"start": "2026-11-24T10:00:00 Europe/Atlantis"}, ["from"]),
        ({"start": "2026-11-24T10:00:00+24:00"}, ["from"]),
        ({"start": "2026-02-30T10:00:00Z"}, ["from"]),
        ({"start": FIRST.format(0)}, ["from"]),
        ({"end": LAST.format(9)}, ["to"]),
        ({"start": FIRST.format(0), "end": FIRST.format(1)}, ["from", "to"]),
        ({"start": FIRST.format(1), "end": FIRST.format(0)}, ["from", "to"]),
        ({"start": LAST.format(8), "end": LAST.format(9)}, ["from", "to"]),
        ({"start": "9999-12-31T23:59:58Z", "end": "9999-12-31T23:59:59Z"}, ["from", "to"]),
        ({"start": "1969-12-31T23:59:59Z", "end": "1970-01-01T00:00:00Z"}, ["from"]),
        ({"metric": ["lag", "heat"]}, ["metric"]),
        ({"metric": []}, ["metric"]),
    ],
)
def test_what_makes_no_series_is_a_problem_of_its_fields(
    viewer: Caller, pipeline: Pipeline, asked: dict[str, Any], names: list[str]
) -> None:
    answer = ask(viewer, **asked)
    assert (answer.status_code, sorted(answer.json()["errors"])) == (400, names)


def test_a_range_that_is_yet_to_come_has_no_points(viewer: Caller, pipeline: Pipeline) -> None:
    answer = ask(viewer, start="2199-12-31T22:00:00+00:00", end="2199-12-31T23:00:00-00:30")
    assert (answer.status_code, answer.json()["series"]) == (200, [])
    assert answer.json()["to"] == "2199-12-31T23:30:00Z"


def test_an_operator_pauses_the_simulator_and_the_log_says_so(operator: Caller, pipeline: Pipeline) -> None:
    answer = operator.post("pipelines/plant/simulator/stop", reason="maintenance")
    assert answer.status_code == 200
    check(answer.json(), "Simulator")
    assert (answer.json()["desired"], answer.json()["observed"]) == ("paused", "unknown")
    assert operator.post("pipelines/plant/simulator/start").json()["desired"] == "running"
    rows = AuditEntry.objects.filter(object="pipeline/plant/simulator").order_by("pk")
    assert list(rows.values_list("action", "reason")) == [
        ("simulator.stop", "maintenance"),
        ("simulator.start", ""),
    ]


def test_a_viewer_sees_the_simulator_and_does_not_stop_it(viewer: Caller, pipeline: Pipeline) -> None:
    assert viewer.get("pipelines/plant/simulator").json()["desired"] == "running"
    assert viewer.post("pipelines/plant/simulator/stop").status_code == 403
    assert not SimulatorControl.objects.exists()


@pytest.mark.parametrize("path", ["overview", "simulator", "series?metric=lag"])
def test_nobody_sees_nothing_and_no_pipeline_is_404(
    nobody: Caller, viewer: Caller, pipeline: Pipeline, path: str
) -> None:
    assert nobody.get(f"pipelines/plant/{path}").status_code == 401
    separator = "&" if "?" in path else "?"
    start = NOW.isoformat().replace("+", "%2B")
    bounds = f"{separator}from={start}&to={start}" if "series" in path else ""
    assert viewer.get(f"pipelines/no-such/{path}{bounds}").status_code == 404
