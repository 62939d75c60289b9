from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.db import connection

from controlplane.accounts.models import AuditEntry
from controlplane.alerts.models import Incident, Notification
from controlplane.core import outbox
from controlplane.core.errors import IllegalMove
from controlplane.core.models import Outbox
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.runs.services import run_end, run_request, run_start
from controlplane.runs.states import RunState
from controlplane.schedules.models import Schedule, Slot
from controlplane.schedules.selectors import schedules_to_serve
from controlplane.schedules.services import (
    schedule_change,
    schedule_create,
    schedule_delete,
    schedule_due,
    schedule_rewind,
    schedule_switch,
)
from controlplane.schedules.services.slots import slot_move
from controlplane.schedules.states import SLOT_MOVES, SlotState
from tests.controlplane.schedules.conftest import Clock, moment
from tests.django_database import QueueAway

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
Change = Callable[..., None]


@pytest.fixture
def change(nightly: Schedule) -> Change:
    """Have the schedule say this beside what it says."""

    def changed(**values: object) -> None:
        told = {"kind": "daily", "cron": "30 0 * * *"} | values
        schedule_change(pipeline="plant", name="nightly", values=told, actor=None)
        nightly.refresh_from_db()

    return changed


def slots(schedule: Schedule) -> list[tuple[str, str]]:
    found = Slot.objects.filter(schedule=schedule).order_by("due_at")
    return [(f"{slot.due_at:%m-%d %H:%M}", slot.state) for slot in found]


def end(run: Run) -> None:
    run_start(run=run, version=run.pipeline.versions.first())
    run_end(run=run, to=RunState.SUCCEEDED)


def test_a_due_time_gets_one_run_over_the_day_before_whoever_looks_and_however_often(
    clock: Clock, nightly: Schedule
) -> None:
    schedule_due(schedule_id=nightly.pk)
    assert slots(nightly) == []
    clock.at("03-11 00:30:02")
    assert list(schedules_to_serve(clock.now)) == [nightly]
    for _ in range(3):
        schedule_due(schedule_id=nightly.pk)
    run = Run.objects.get()
    assert (run.kind, run.first_day, run.last_day) == ("daily", date(2026, 3, 10), date(2026, 3, 10))
    assert (run.trigger, run.requested_by) == ("schedule nightly", None)
    assert run.schedule_slot.due_at == moment("03-11 00:30")
    assert slots(nightly) == [("03-11 00:30", "requested")]
    assert Outbox.objects.filter(task="penstock.advance_run").count() == 1
    assert not Incident.objects.exists()
    assert not schedules_to_serve(clock.now).exists()


def test_a_zone_moves_the_due_time_and_the_day_stays_one_of_utc(
    clock: Clock, nightly: Schedule, change: Change
) -> None:
    change(timezone="Asia/Kolkata")
    clock.at("03-10 19:00:05")  # half past midnight of the 11th in Kolkata
    schedule_due(schedule_id=nightly.pk)
    assert Run.objects.get().first_day == date(2026, 3, 9)


@pytest.mark.fault(9, "beat dead over three due times")
@pytest.mark.parametrize(
    ("policy", "states"),
    [
        ("none", ["missed", "missed", "missed"]),
        ("latest", ["missed", "missed", "requested"]),
        ("all", ["requested", "due", "due"]),
    ],
)
def test_due_times_over_which_beat_was_dead_are_caught_up_as_declared_and_named(
    clock: Clock, nightly: Schedule, change: Change, policy: str, states: list[str]
) -> None:
    change(catch_up=policy)
    clock.at("03-13 08:00")
    schedule_due(schedule_id=nightly.pk)
    assert slots(nightly) == list(zip(("03-11 00:30", "03-12 00:30", "03-13 00:30"), states, strict=True))
    incident = Incident.objects.get()
    assert (incident.kind, incident.object) == ("schedule_missed", "pipeline/plant/schedule/nightly")
    assert "3 due times" in incident.cause
    assert "2026-03-11 00:30 UTC, 2026-03-12 00:30 UTC, 2026-03-13 00:30 UTC" in incident.cause
    assert Notification.objects.get().text == incident.cause
    schedule_due(schedule_id=nightly.pk)
    assert Incident.objects.get().cleared_at is None

    clock.at("03-14 00:30:59")
    schedule_due(schedule_id=nightly.pk)
    assert Incident.objects.get().resolution == "the slot of 2026-03-14 00:30 UTC was served in time"


def test_all_are_run_one_after_another_and_the_newest_waits_its_turn(
    clock: Clock, nightly: Schedule, change: Change
) -> None:
    change(catch_up="all")
    clock.at("03-13 08:00")
    for expected in ("03-10", "03-11", "03-12"):
        for _ in range(2):
            schedule_due(schedule_id=nightly.pk)
        run = Run.objects.latest("pk")
        assert f"{run.first_day:%m-%d}" == expected
        end(run)
    assert [state for _, state in slots(nightly)] == ["requested"] * 3
    assert Run.objects.count() == 3


def test_of_all_fifty_are_run_at_most(clock: Clock, nightly: Schedule, change: Change) -> None:
    change(catch_up="all")
    clock.now += timedelta(days=60)
    schedule_due(schedule_id=nightly.pk)
    assert nightly.slots.filter(state=SlotState.MISSED).count() == 10
    assert nightly.slots.filter(state=SlotState.DUE).count() == 49
    assert nightly.slots.filter(state=SlotState.MISSED).latest("due_at").due_at == moment("03-20 00:30")
    assert "and 50 before" in Incident.objects.get().cause


def test_a_slot_that_is_served_beside_missed_ones_is_run_too(clock: Clock, nightly: Schedule, change: Change) -> None:
    change(catch_up="none")
    clock.at("03-12 00:30:30")
    schedule_due(schedule_id=nightly.pk)
    assert [state for _, state in slots(nightly)] == ["missed", "requested"]
    assert Incident.objects.get().cleared_at is None


def test_a_day_that_another_run_works_on_refuses_the_slot_in_words(clock: Clock, nightly: Schedule) -> None:
    clock.at("03-11 00:10")
    other = run_request(pipeline="plant", kind="daily", first_day=date(2026, 3, 10))
    clock.at("03-11 00:30:01")
    schedule_due(schedule_id=nightly.pk)
    slot = nightly.slots.get()
    assert (slot.state, slot.run) == ("refused", None)
    assert f"run {other.pk} is queued and works on 2026-03-10" in slot.reason
    end(other)
    schedule_due(schedule_id=nightly.pk)
    assert Run.objects.count() == 1, "what was refused is not tried again"


def test_a_clock_that_is_put_back_doubles_nothing_and_one_that_was_ahead_loses_nothing(
    clock: Clock, nightly: Schedule
) -> None:
    def look() -> None:
        schedule_rewind(schedule_id=nightly.pk)
        schedule_due(schedule_id=nightly.pk)

    clock.at("03-11 00:30:01")
    look()
    clock.at("03-11 00:29:58")
    look()
    clock.at("03-11 00:30:03")
    look()
    assert slots(nightly) == [("03-11 00:30", "requested")]

    clock.at("04-20 00:00")  # a clock that ran wild
    look()
    clock.at("03-11 09:00")
    look()
    clock.at("03-12 00:30:01")
    look()
    assert slots(nightly)[:2] == [("03-11 00:30", "requested"), ("03-12 00:30", "requested")]
    nightly.refresh_from_db()
    assert nightly.next_due_at == moment("03-13 00:30")


def test_who_is_disabled_misses_nothing_and_goes_on_from_then(clock: Clock, nightly: Schedule) -> None:
    schedule_switch(pipeline="plant", name="nightly", enabled=False, actor=None)
    clock.at("03-13 08:00")
    schedule_due(schedule_id=nightly.pk)
    assert not schedules_to_serve(clock.now).exists()
    schedule_switch(pipeline="plant", name="nightly", enabled=True, actor=None)
    schedule_due(schedule_id=nightly.pk)
    assert slots(nightly) == []
    nightly.refresh_from_db()
    assert nightly.next_due_at == moment("03-14 00:30")


def test_what_waits_when_a_schedule_is_deleted_is_missed_and_its_incident_cleared(
    clock: Clock, nightly: Schedule, change: Change
) -> None:
    change(catch_up="all")
    clock.at("03-13 08:00")
    schedule_due(schedule_id=nightly.pk)
    schedule_delete(pipeline="plant", name="nightly", actor=None, reason="moved to a DAG")
    assert [state for _, state in slots(nightly)] == ["requested", "missed", "missed"]
    assert nightly.slots.last().reason == "the schedule was deleted"
    assert Incident.objects.get().resolution == "the schedule was deleted"
    assert AuditEntry.objects.get(action="schedule.deleted").reason == "moved to a DAG"


def test_parameters_may_change_without_losing_a_due_time(clock: Clock, nightly: Schedule, change: Change) -> None:
    clock.at("03-11 00:31")
    change(parameters={"stale": "refuse"})
    schedule_due(schedule_id=nightly.pk)
    assert Run.objects.get().parameters["stale"] == "refuse"


def test_a_slot_is_moved_by_its_states_alone(clock: Clock, nightly: Schedule) -> None:
    assert set(SLOT_MOVES) == set(SlotState)
    clock.at("03-11 00:30:01")
    schedule_due(schedule_id=nightly.pk)
    with pytest.raises(IllegalMove):
        slot_move(slot=nightly.slots.get(), to=SlotState.MISSED)


def test_a_maintenance_run_has_no_days(clock: Clock, pipeline: Pipeline) -> None:
    values = {"kind": "maintenance", "cron": "", "interval_seconds": 3600}
    made = schedule_create(pipeline="plant", name="tidy", values=values, actor=None)
    clock.at("03-10 13:00:04")
    schedule_due(schedule_id=made.pk)
    assert (Run.objects.get().kind, Run.objects.get().first_day) == ("maintenance", None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.fault(9, "two look at a due time at once")
def test_two_who_look_at_once_make_one_run(clock: Clock, nightly: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "current_app", QueueAway())
    clock.at("03-11 00:30:01")
    together = Barrier(2)

    def look(_: int) -> None:
        try:
            together.wait(10)
            schedule_due(schedule_id=nightly.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(look, range(2)))
    assert (Slot.objects.count(), Run.objects.count()) == (1, 1)
