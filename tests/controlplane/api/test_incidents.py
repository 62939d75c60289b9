from __future__ import annotations

import pytest

from controlplane.alerts.services import incident_clear, incident_open
from controlplane.alerts.states import IncidentKind
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
JOB = "pipeline/plant/streaming-job"


def test_incidents_are_told_apart_by_whether_they_are_open_and_by_kind(viewer: Caller) -> None:
    incident_open(kind=IncidentKind.STREAM_STALLED, object=JOB, cause="no batch for 130 s")
    incident_clear(kind=IncidentKind.STREAM_STALLED, object=JOB, resolution="it gets on")
    incident_open(kind=IncidentKind.DRIVER_GIVEN_UP, object=JOB, cause="given up after 8 tries")

    def found(**query: str) -> list[str]:
        return [item["kind"] for item in viewer.get("incidents", **query).json()["results"]]

    assert found() == ["driver_given_up", "stream_stalled"]
    assert found(open="true") == found(kind="driver_given_up") == ["driver_given_up"]
    assert found(open="false") == ["stream_stalled"]
    assert found(open="true", kind="stream_stalled") == []
    newest = viewer.get("incidents").json()["results"][0]
    assert (newest["object"], newest["cause"], newest["cleared_at"]) == (JOB, "given up after 8 tries", None)


@pytest.mark.parametrize(("name", "value"), [("open", "perhaps"), ("kind", "nonsense"), ("kind", "a\0b")])
def test_a_filter_knows_its_values(viewer: Caller, name: str, value: str) -> None:
    answer = viewer.get("incidents", **{name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
