from __future__ import annotations

from typing import Any

import pytest

from controlplane.accounts.models import AuditEntry
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from controlplane.schedules.models import Schedule, Slot
from controlplane.schedules.services import schedule_due
from tests.controlplane.api.conftest import Caller
from tests.controlplane.schedules.conftest import Clock, clock

__all__ = ["clock"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db]
LIST = "pipelines/plant/schedules"
NIGHTLY = f"{LIST}/nightly"
DAILY: dict[str, Any] = {"kind": "daily", "cron": "30 0 * * *"}
NEXT = [f"2026-03-{day}T00:30:00Z" for day in (11, 12, 13, 14, 15)]


@pytest.fixture
def made(clock: Clock, operator: Caller, pipeline: Pipeline) -> dict[str, Any]:
    answer = operator.post(LIST, name="nightly", **DAILY)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_schedule_is_made_shown_listed_changed_and_deleted(operator: Caller, made: dict[str, Any]) -> None:
    assert (made["name"], made["catch_up"], made["timezone"], made["enabled"]) == ("nightly", "latest", "UTC", True)
    assert (made["next_due_at"], made["parameters"]["stale"]) == (NEXT[0], "wait")
    assert operator.get(NIGHTLY).json() == made
    assert operator.get(LIST).json()["results"] == [made]

    told = {"kind": "maintenance", "interval_seconds": 3600, "catch_up": "none", "start_within_minutes": 5}
    changed = operator.put(NIGHTLY, **told, reason="often").json()
    assert {name: changed[name] for name in told} == told
    assert (changed["cron"], changed["next_due_at"]) == ("", "2026-03-10T13:00:00Z")
    assert AuditEntry.objects.get(action="schedule.changed").reason == "often"

    body = {"data": {"reason": "enough"}, "content_type": "application/json"}
    assert operator.client.delete(f"/api/v1/{NIGHTLY}", **body).status_code == 204
    entry = AuditEntry.objects.get(action="schedule.deleted")
    assert (str(entry.actor), entry.reason) == ("operator", "enough")
    assert operator.get(NIGHTLY).status_code == 404
    assert operator.get(LIST).json()["results"] == []


def test_a_dry_run_says_the_next_five_due_times_and_changes_nothing(operator: Caller, made: dict[str, Any]) -> None:
    known = AuditEntry.objects.count()
    answer = operator.post(LIST, name="other", dry_run=True, **DAILY)
    assert (answer.status_code, answer.json()) == (200, {"next": NEXT})
    answer = operator.put(NIGHTLY, dry_run=True, **DAILY | {"cron": "0 6 1 * *", "timezone": "Europe/Berlin"})
    assert answer.json()["next"][:2] == ["2026-04-01T04:00:00Z", "2026-05-01T04:00:00Z"]
    assert (operator.put(f"{LIST}/other", dry_run=True, **DAILY).status_code) == 404
    assert operator.get(LIST).json()["results"] == [made]
    assert AuditEntry.objects.count() == known


def test_the_next_due_times_are_none_while_it_is_disabled(operator: Caller, viewer: Caller, made: dict) -> None:
    assert viewer.get(f"{NIGHTLY}/next").json() == {"next": NEXT}
    assert operator.post(f"{NIGHTLY}/disable", reason="a holiday").json()["next_due_at"] is None
    assert viewer.get(f"{NIGHTLY}/next").json() == {"next": []}
    assert operator.post(f"{NIGHTLY}/enable").json()["next_due_at"] == NEXT[0]
    assert AuditEntry.objects.get(action="schedule.disabled").reason == "a holiday"


def test_slots_are_told_newest_first_with_their_runs(clock: Clock, viewer: Caller, made: dict[str, Any]) -> None:
    for text in ("03-12 08:00", "03-13 00:30:05"):
        clock.at(text)
        schedule_due(schedule_id=Schedule.objects.get().pk)
    clock.at("03-10 12:00")  # or the token would have expired
    found = viewer.get(f"{NIGHTLY}/slots").json()["results"]
    assert [(slot["due_at"][5:16], slot["state"]) for slot in found] == [
        ("03-13T00:30", "requested"),
        ("03-12T00:30", "requested"),
        ("03-11T00:30", "missed"),
    ]
    assert [slot["run"] for slot in found] == [*Run.objects.order_by("-pk").values_list("pk", flat=True), None]
    assert [slot["reason"] for slot in viewer.get(f"{NIGHTLY}/slots", state="missed").json()["results"]] == [
        "nobody looked in time"
    ]
    first = viewer.get(f"{NIGHTLY}/slots", limit=2).json()
    assert viewer.get(f"{NIGHTLY}/slots", limit=2, cursor=first["next"]).json()["results"] == found[2:]


def test_run_now_answers_the_whole_run_and_is_refused_beside_one_on_the_same_day(
    operator: Caller, made: dict[str, Any]
) -> None:
    answer = operator.post(f"{NIGHTLY}/run", reason="now")
    assert answer.status_code == 202
    run = answer.json()
    assert (run["kind"], run["first_day"], run["state"], run["reason"]) == ("daily", "2026-03-09", "queued", "now")
    assert (run["requested_by"], run["trigger"], len(run["stages"])) == ("operator", "schedule nightly", 7)
    assert operator.get(f"runs/{run['id']}").json() == run
    assert operator.post(f"{NIGHTLY}/run").status_code == 409
    assert not Slot.objects.exists()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"kind": "daily"}, ["cron", "interval_seconds"]),
        ({**DAILY, "interval_seconds": 60}, ["cron", "interval_seconds"]),
        ({**DAILY, "cron": "61 * * * *"}, ["cron"]),
        ({**DAILY, "cron": "* * * * * *"}, ["cron"]),
        ({**DAILY, "timezone": "Mars/Olympus"}, ["timezone"]),
        ({"kind": "daily", "interval_seconds": 59}, ["interval_seconds"]),
        ({"kind": "daily", "interval_seconds": "60"}, ["interval_seconds"]),
        ({"kind": "daily", "interval_seconds": True}, ["interval_seconds"]),
        ({"kind": "daily", "interval_seconds": 10**30}, ["interval_seconds"]),
        ({**DAILY, "kind": "backfill"}, ["kind"]),
        ({**DAILY, "catch_up": "some"}, ["catch_up"]),
        ({**DAILY, "parameters": {"wait_minutes": 0, "x": 1}}, ["parameters.wait_minutes", "parameters.x"]),
        ({**DAILY, "start_within_minutes": 0}, ["start_within_minutes"]),
        ({**DAILY, "end_within_minutes": 10**9}, ["end_within_minutes"]),
        ({**DAILY, "start_within_minutes": 9, "end_within_minutes": 8}, ["end_within_minutes"]),
        ({**DAILY, "colour": "red"}, ["colour"]),
        ({"cron": "30 0 * * *"}, ["kind"]),
    ],
)
def test_what_is_not_right_is_named_by_field_and_changes_nothing(
    operator: Caller, made: dict[str, Any], body: dict[str, Any], fields: list[str]
) -> None:
    for answer in (operator.post(LIST, name="other", **body), operator.put(NIGHTLY, **body)):
        assert (answer.status_code, sorted(answer.json()["errors"])) == (400, fields)
    assert operator.get(LIST).json()["results"] == [made]


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 51, None])
def test_a_name_is_a_short_word(operator: Caller, pipeline: Pipeline, name: Any) -> None:
    answer = operator.post(LIST, name=name, **DAILY)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["name"])


def test_a_name_that_is_taken_is_a_conflict(operator: Caller, made: dict[str, Any]) -> None:
    answer = operator.post(LIST, name="nightly", **DAILY)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_a_viewer_changes_nothing(viewer: Caller, made: dict[str, Any]) -> None:
    answers = [viewer.post(f"{NIGHTLY}/{action}") for action in ("run", "enable", "disable")]
    answers += [viewer.post(LIST, name="other", **DAILY), viewer.put(NIGHTLY, **DAILY), viewer.delete(NIGHTLY)]
    answers.append(viewer.put("pipelines/plant/freshness", limits={}))
    assert {answer.status_code for answer in answers} == {403}
    assert viewer.get(LIST).json()["results"] == [made]


@pytest.mark.parametrize("path", [LIST, NIGHTLY, f"{NIGHTLY}/next", f"{NIGHTLY}/slots", "pipelines/plant/freshness"])
def test_what_is_not_there_is_not_found(viewer: Caller, nobody: Caller, made: dict[str, Any], path: str) -> None:
    assert viewer.get(path).status_code == 200
    assert nobody.get(path).status_code == 401
    assert viewer.get(path.replace("plant", "other")).status_code == 404
    if "nightly" in path:
        assert viewer.get(path.replace("nightly", "other")).status_code == 404


def test_how_old_tables_may_be_is_told_and_set(operator: Caller, viewer: Caller, pipeline: Pipeline) -> None:
    usual = dict.fromkeys(("bronze", "silver", "gold", "warehouse"), 30)

    def limits(answer: Any) -> dict[str, int]:
        return {item["table"]: item["limit_minutes"] for item in answer.json()["tables"]}

    assert limits(viewer.get("pipelines/plant/freshness")) == usual
    assert limits(operator.put("pipelines/plant/freshness", limits={"gold": 5}, reason="r")) == usual | {"gold": 5}
    assert limits(operator.put("pipelines/plant/freshness", limits={"silver": 7})) == usual | {"silver": 7}
    entry = AuditEntry.objects.filter(action="freshness.changed").latest("pk")
    assert (entry.before, entry.after) == ({"gold": 5}, {"silver": 7})
    for bad in ({"gold": 0}, {"gold": "5"}, {"gold": 1.5}, {"copper": 5}):
        answer = operator.put("pipelines/plant/freshness", limits=bad)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [f"limits.{next(iter(bad))}"])
    assert limits(viewer.get("pipelines/plant/freshness")) == usual | {"silver": 7}
