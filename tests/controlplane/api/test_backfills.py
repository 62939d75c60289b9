from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.accounts.models import AuditEntry
from controlplane.backfills.models import Backfill, Slot
from controlplane.core.roles import Role
from controlplane.pipelines.models import Pipeline
from controlplane.runs.models import Run
from pipeline_workers.backfills import backfills_advance
from tests.controlplane.api.conftest import Caller, person
from tests.controlplane.backfills.days import asked, day, over, ran, reported

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PATH = "pipelines/plant/backfills"


def body(days: int = 3, **more: Any) -> dict[str, Any]:
    return {"first_day": str(day(0)), "last_day": str(day(days - 1)), **more}


def test_a_backfill_is_asked_for_and_followed_to_its_end(operator: Caller, viewer: Caller, pipeline: Pipeline) -> None:
    answer = operator.post(PATH, **body(2, reason="recalibrated", concurrency=2, throttle_lag=500))
    made = answer.json()
    assert (answer.status_code, made["state"], made["requested_by"]) == (202, "queued", "operator")
    assert (made["first_day"], made["concurrency"], made["throttle_lag"]) == (str(day(0)), 2, 500)
    assert made["counts"] == {"pending": 2, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0}
    assert AuditEntry.objects.get(action="backfill.requested").actor.username == "operator"
    backfills_advance()
    over(Slot.objects.get(position=1).run, "failed", "no room")
    found = viewer.get(f"backfills/{made['id']}").json()
    first, second = found["slots"]
    assert (first["day"], first["state"], first["cause"]) == (str(day(0)), "failed", "no room")
    assert first["ended_at"] is not None
    assert (second["state"], second["run"], second["ended_at"]) == ("running", Run.objects.latest("pk").pk, None)
    assert found["counts"]["failed"] == found["counts"]["running"] == 1
    assert [move["after"] for move in found["moves"]] == ["running"]
    (listed,) = viewer.get(PATH, state="running").json()["results"]
    assert listed == {name: value for name, value in found.items() if name not in ("slots", "moves")}
    assert viewer.get(PATH, state="paused").json()["results"] == []


def test_a_preview_tells_what_would_be_done_and_makes_nothing(operator: Caller, pipeline: Pipeline) -> None:
    run = ran(1, "failed")
    reported(pipeline, 1, "silver", 7)
    known = AuditEntry.objects.count()
    answer = operator.post(f"{PATH}/preview", **body(2, only="failed"))
    found = answer.json()
    assert answer.status_code == 200
    assert found["days"] == [
        {"day": str(day(0)), "silver": None, "deferred": None, "before": "never", "run": None, "slot": False},
        {"day": str(day(1)), "silver": 7, "deferred": None, "before": "failed", "run": run.pk, "slot": True},
    ]
    assert (found["slots"], found["readings"], found["conflicts"]) == (1, 7, [])
    assert found["estimate"]["how"].startswith("assumed")
    assert (Backfill.objects.count(), AuditEntry.objects.count()) == (0, known)


def test_it_is_paused_resumed_cancelled_and_retried_with_an_audit_row_of_each(
    operator: Caller, pipeline: Pipeline
) -> None:
    made = asked()
    for command, state in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled"), ("retry", "queued")):
        answer = operator.post(f"backfills/{made.pk}/{command}", reason=f"to {command}")
        assert (answer.status_code, answer.json()["state"]) == (202, state)
    entries = AuditEntry.objects.filter(object=made.path, actor=operator.user).order_by("pk")
    assert [(item.action, item.reason, item.after["state"]) for item in entries] == [
        ("backfill.paused", "to pause", "paused"),
        ("backfill.resumed", "to resume", "queued"),
        ("backfill.cancelled", "to cancel", "cancelled"),
        ("backfill.retried", "to retry", "queued"),
    ]


@pytest.mark.parametrize("command", ["resume", "retry"])
def test_what_does_not_fit_its_state_is_a_conflict_with_words(
    operator: Caller, pipeline: Pipeline, command: str
) -> None:
    answer = operator.post(f"backfills/{asked().pk}/{command}")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "is queued: only one that" in answer.json()["detail"]


def test_a_retry_says_which_days(operator: Caller, pipeline: Pipeline) -> None:
    made = asked()
    operator.post(f"backfills/{made.pk}/cancel")
    refused = operator.post(f"backfills/{made.pk}/retry", only="failed")
    assert (refused.status_code, "no day of it failed" in refused.json()["detail"]) == (409, True)
    assert operator.post(f"backfills/{made.pk}/retry", only="some").json()["errors"].keys() == {"only"}
    assert operator.post(f"backfills/{made.pk}/retry", only="missing").json()["counts"]["pending"] == 3


@pytest.mark.parametrize("path", [PATH, f"{PATH}/preview"])
@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"first_day": "yesterday"}, "first_day"), ({"first_day": "9999-01-01"}, "last_day"),
        ({"first_day": "2020-01-01", "last_day": "2019-12-31"}, "last_day"), ({"first_day": "0001-01-01"}, "last_day"),
        ({"concurrency": 9}, "concurrency"), ({"concurrency": 0}, "concurrency"),
        ({"concurrency": "2"}, "concurrency"), ({"concurrency": True}, "concurrency"),
        ({"throttle_lag": 1.5}, "throttle_lag"),
        ({"throttle_lag": -1}, "throttle_lag"), ({"throttle_lag": 10**30}, "throttle_lag"),
        ({"order": "any"}, "order"), ({"only": []}, "only"),
        ({"colour": "red"}, "colour"), ({"first_day": None}, "first_day"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_its_field(
    operator: Caller, pipeline: Pipeline, path: str, told: dict[str, Any], field: str
) -> None:
    answer = operator.post(path, **body() | told)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Backfill.objects.exists()


def test_days_that_another_works_on_are_a_conflict(operator: Caller, pipeline: Pipeline) -> None:
    made = asked()
    answer = operator.post(PATH, **body())
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.json()["detail"].startswith(f"backfill {made.pk} is queued")
    assert Backfill.objects.count() == 1


@pytest.mark.parametrize("command", ["", "/pause", "/resume", "/cancel", "/retry"])
def test_one_that_is_not_there_is_not_found(operator: Caller, pipeline: Pipeline, command: str) -> None:
    ask = operator.post if command else operator.get
    assert ask(f"backfills/9{command}").status_code == 404


def test_another_pipeline_is_not_found(operator: Caller, pipeline: Pipeline) -> None:
    assert operator.get("pipelines/other/backfills").status_code == 404
    for path in ("pipelines/other/backfills", "pipelines/other/backfills/preview"):
        assert operator.post(path, **body()).status_code == 404


def test_a_viewer_reads_and_changes_nothing(viewer: Caller, nobody: Caller, pipeline: Pipeline) -> None:
    made = asked()
    for path in (PATH, f"backfills/{made.pk}"):
        assert viewer.get(path).status_code == 200
        assert nobody.get(path).status_code == 401
    for path in (PATH, f"{PATH}/preview", *(f"backfills/{made.pk}/{word}" for word in ("pause", "cancel", "retry"))):
        answer = viewer.post(path, **body())
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    made.refresh_from_db()
    assert (made.state, Backfill.objects.count()) == ("queued", 1)


def test_as_many_days_take_the_queries_of_one(viewer: Caller, pipeline: Pipeline) -> None:
    def taken(backfill: Backfill) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert len(viewer.get(f"backfills/{backfill.pk}").json()["slots"]) == backfill.slots.count()
        return len(queries)

    viewer.get("environment")  # from here on the token's use is noted
    few = asked(1)
    backfills_advance()
    for_few = taken(few)
    over(few.slots.get().run)
    many = asked(30, concurrency=8)
    backfills_advance()
    assert taken(many) == for_few


def test_an_administrator_steers_by_actions_and_what_is_refused_is_a_message(pipeline: Pipeline) -> None:
    client, made = Client(), asked()
    client.force_login(person(Role.ADMINISTRATOR))
    path = reverse("admin:backfills_backfill_changelist")
    assert "Slots" in client.get(reverse("admin:backfills_backfill_change", args=[made.pk])).content.decode()
    for action, state in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled"), ("retry", "queued")):
        client.post(path, {"action": action, "_selected_action": [made.pk]})
        made.refresh_from_db()
        assert made.state == state
    answer = client.post(path, {"action": "retry", "_selected_action": [made.pk]}, follow=True)
    assert "is queued: only one that has failed" in answer.content.decode()
