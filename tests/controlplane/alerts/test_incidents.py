from __future__ import annotations

import pytest

from controlplane.alerts.models import Incident
from controlplane.alerts.selectors import incidents_open
from controlplane.alerts.services import incident_clear, incident_open
from controlplane.alerts.states import IncidentKind

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
STALLED, GIVEN_UP = IncidentKind.STREAM_STALLED, IncidentKind.DRIVER_GIVEN_UP
JOB = "pipeline/plant/streaming-job"


def test_of_a_kind_and_an_object_one_is_open_and_keeps_its_first_cause() -> None:
    assert incident_open(kind=STALLED, object=JOB, cause="no batch for 130 s")
    assert not incident_open(kind=STALLED, object=JOB, cause="no batch for 135 s")
    assert incident_open(kind=GIVEN_UP, object=JOB, cause="given up")
    assert incident_open(kind=STALLED, object="pipeline/other/streaming-job", cause="no batch for 130 s")
    assert Incident.objects.get(kind=STALLED, object=JOB).cause == "no batch for 130 s"
    assert Incident.objects.count() == 3


def test_a_cleared_incident_stays_as_history_and_a_new_one_may_open() -> None:
    incident_open(kind=STALLED, object=JOB, cause="first")
    assert incident_clear(kind=STALLED, object=JOB, resolution="it gets on")
    assert not incident_clear(kind=STALLED, object=JOB, resolution="again")
    assert incident_open(kind=STALLED, object=JOB, cause="second")
    first, second = Incident.objects.order_by("pk")
    assert (first.cause, first.resolution, first.cleared_at is None) == ("first", "it gets on", False)
    assert (second.cause, second.resolution, second.cleared_at is None) == ("second", "", True)


def test_open_incidents_are_found_by_the_beginning_of_their_objects() -> None:
    incident_open(kind=STALLED, object=JOB, cause="here")
    incident_open(kind=STALLED, object="pipeline/plant-2/streaming-job", cause="there")
    assert [item.cause for item in incidents_open(under="pipeline/plant/")] == ["here"]
    assert incidents_open().count() == 2
