from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.core.roles import Role
from controlplane.ledger.models import Inquiry, LedgerTotal
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.quality.models import Suite
from controlplane.queue.models import WorkerHeartbeat
from controlplane.schedules.models import Schedule, TableFreshness
from controlplane.streaming.models import PartitionProgress, StreamingJob
from tests.controlplane.api import rows
from tests.controlplane.api.conftest import PASSWORD, Caller, person, viewer

__all__ = ["viewer"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db]

CHANGED_BY_SERVICES = {"user", "sensortype", "schedule", "suite", "tablefreshness", "inquiry"}
OURS = [model for model in apps.get_models() if model.__module__.startswith("controlplane.")]
MODELS = pytest.mark.parametrize("model", OURS, ids=[model._meta.model_name for model in OURS])

NO_SLOTS = {"slots-TOTAL_FORMS": 0, "slots-INITIAL_FORMS": 0}


@pytest.fixture
def client(db: None) -> Client:
    """An administrator's browser."""
    made = Client()
    made.force_login(person(Role.ADMINISTRATOR))
    return made


@pytest.fixture
def world(client: Client, pipeline: Pipeline) -> None:
    """At least one row of most models."""
    for fill in rows.LISTS.values():
        fill(pipeline, range(3))
    rows.slots(pipeline, range(3))
    Inquiry.objects.create(pipeline=pipeline)
    LedgerTotal.objects.create(pipeline=pipeline, measure="kafka")
    PartitionProgress.objects.create(pipeline=pipeline, partition=0)
    TableFreshness.objects.create(pipeline=pipeline, table="gold", limit_minutes=5)
    WorkerHeartbeat.objects.create(worker="celery@here", at=timezone.now())


def page(model: Any, kind: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def test_every_model_has_its_pages_and_no_other_has() -> None:
    assert set(admin.site._registry) == set(OURS)


@MODELS
def test_pages_open(client: Client, world: None, model: Any) -> None:
    assert client.get(page(model, "changelist")).status_code == 200
    row = model.objects.first()
    if row is not None:
        assert client.get(page(model, "change", row.pk)).status_code == 200


@MODELS
def test_nothing_is_deleted_and_only_what_a_service_changes_is_changed(client: Client, world: None, model: Any) -> None:
    allowed = model._meta.model_name in CHANGED_BY_SERVICES
    assert client.get(page(model, "add")).status_code == (200 if allowed else 403)
    row = model.objects.first()
    if row is not None:
        assert client.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        if not allowed:
            assert client.post(page(model, "change", row.pk), {}).status_code == 403


@pytest.mark.parametrize(("model", "fill"), [(AuditEntry, rows.audit), (PipelineVersion, rows.versions)])
def test_fifty_rows_take_the_queries_of_one(client: Client, pipeline: Pipeline, model: Any, fill: Any) -> None:
    def taken() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page(model, "changelist")).status_code == 200
        return len(queries)

    fill(pipeline, range(1))
    few = taken()
    fill(pipeline, range(1, 50))
    assert taken() == few


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_administrators_come_in(role: Role) -> None:
    client = Client()
    client.force_login(person(role))
    answer = client.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")
    answer = client.post("/admin/login/", {"username": str(role), "password": PASSWORD})
    assert answer.status_code == 200  # the login page again


def test_no_page_shows_a_token_or_its_digest(client: Client, viewer: Caller) -> None:
    token = ApiToken.objects.get(user=viewer.user)
    for path in (page(ApiToken, "changelist"), page(ApiToken, "change", token.pk)):
        assert token.digest not in client.get(path).content.decode()


def test_a_token_is_revoked(client: Client, viewer: Caller) -> None:
    token = ApiToken.objects.get(user=viewer.user)
    client.post(page(ApiToken, "changelist"), {"action": "revoke", "_selected_action": [token.pk]})
    assert viewer.get("pipelines").status_code == 401
    assert AuditEntry.objects.get(action="token.revoked").actor.username == "administrator"


def test_a_person_is_made_and_changed_with_an_audit_row(client: Client) -> None:
    told = {
        "username": "ada",
        "role": "viewer",
        "is_active": "on",
        "new_password": "a long enough one",
        "reason": "new",
    }
    assert client.post(page(User, "add"), told).status_code == 302
    ada = User.objects.get(username="ada")
    assert ada.check_password("a long enough one")
    changed = {"role": "operator", "is_active": "on", "new_password": "", "reason": "trained"}
    assert client.post(page(User, "change", ada.pk), changed).status_code == 302
    ada.refresh_from_db()
    assert (ada.role, ada.check_password("a long enough one")) == ("operator", True)
    entries = AuditEntry.objects.filter(object="user/ada").order_by("pk")
    assert [(item.action, item.reason, item.after["role"]) for item in entries] == [
        ("user.made", "new", "viewer"),
        ("user.changed", "trained", "operator"),
    ]


@pytest.mark.parametrize("password", ["", "short", "password1234"])
def test_a_new_person_needs_a_password_that_is_one(client: Client, password: str) -> None:
    told = {"username": "ada", "role": "viewer", "is_active": "on", "new_password": password}
    assert client.post(page(User, "add"), told).status_code == 200
    assert not User.objects.filter(username="ada").exists()


def test_the_last_administrator_stays_one(client: Client) -> None:
    user = User.objects.get()
    for told in ({"role": "viewer", "is_active": "on"}, {"role": "administrator"}):
        client.post(page(User, "change", user.pk), told)
        user.refresh_from_db()
        assert (user.role, user.is_active) == ("administrator", True)
    assert "last administrator" in client.get(page(User, "change", user.pk)).content.decode()


def test_a_type_is_changed_by_its_service(client: Client, pipeline: Pipeline) -> None:
    kind = pipeline.versions.get().sensor_types[0]["name"]
    model = apps.get_model("sensors.SensorType")
    row = model.objects.get(name=kind)
    told = {"unit": "u", "normal_low": 1, "normal_high": 2, "physical_low": 0, "physical_high": 3}
    told |= {"expected_interval_seconds": 5, "reason": "recalibrated"}
    assert client.post(page(model, "change", row.pk), told).status_code == 302
    assert pipeline.versions.count() == 2
    assert AuditEntry.objects.get(action="sensor_type.changed").reason == "recalibrated"


def test_a_job_is_started_restarted_drained_and_stopped_by_actions(client: Client, topic: str) -> None:
    job = StreamingJob.objects.get()
    for action, desired in (("start", "running"), ("restart", "running"), ("drain", "stopped"), ("stop", "stopped")):
        client.post(page(StreamingJob, "changelist"), {"action": action, "_selected_action": [job.pk]})
        job.refresh_from_db()
        assert job.desired == desired
        assert AuditEntry.objects.get(action=f"streaming_job.{action}").actor.username == "administrator"


def test_what_a_service_refuses_is_a_message(client: Client, pipeline: Pipeline, no_broker: None) -> None:
    told = {"action": "start", "_selected_action": [StreamingJob.objects.get().pk]}
    answer = client.post(page(StreamingJob, "changelist"), told, follow=True)
    assert "cannot be read at 127.0.0.1:1" in answer.content.decode()
    assert StreamingJob.objects.get().desired == "stopped"


def test_a_schedule_is_made_changed_run_switched_and_deleted_by_services(client: Client, pipeline: Pipeline) -> None:
    told = {"pipeline": pipeline.pk, "name": "nightly", "kind": "daily", "cron": "30 0 * * *", "timezone": "UTC"}
    told |= {"parameters": "{}", "enabled": "on", "catch_up": "latest", "reason": "new", **NO_SLOTS}
    assert client.post(page(Schedule, "add"), told).status_code == 302
    made = Schedule.objects.get()
    assert made.beat is not None
    assert client.post(page(Schedule, "change", made.pk), told | {"catch_up": "all"}).status_code == 302
    for action in ("run", "disable", "enable", "remove"):
        client.post(page(Schedule, "changelist"), {"action": action, "_selected_action": [made.pk]})
    actions = AuditEntry.objects.filter(object="pipeline/plant/schedule/nightly").order_by("pk")
    assert [entry.action.removeprefix("schedule.") for entry in actions] == [
        "made", "changed", "disabled", "enabled", "deleted",
    ]  # fmt: skip
    assert pipeline.runs.get().trigger == "schedule nightly"


def test_a_schedule_that_its_service_refuses_is_not_made(client: Client, pipeline: Pipeline) -> None:
    told = {"pipeline": pipeline.pk, "name": "nightly", "kind": "daily", "cron": "61 * * * *", "timezone": "UTC"}
    told |= {"parameters": "{}", "catch_up": "latest", **NO_SLOTS}
    answer = client.post(page(Schedule, "add"), told, follow=True)
    assert "the schedule is not right" in answer.content.decode()
    assert not Schedule.objects.exists()


def test_how_old_a_table_may_be_is_set_by_its_service(client: Client, pipeline: Pipeline) -> None:
    told = {"pipeline": pipeline.pk, "table": "gold", "limit_minutes": 5, "reason": "a demo"}
    assert client.post(page(TableFreshness, "add"), told).status_code == 302
    assert AuditEntry.objects.get(action="freshness.changed").after == {"gold": 5}


NO_VERSIONS = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}


def test_a_suite_is_given_versions_and_switched_by_services(client: Client, pipeline: Pipeline) -> None:
    told = {"pipeline": pipeline.pk, "name": "mine", "layer": "silver", "severity": "warn", "reason": "new"}
    told |= {"expectations": json.dumps(rows.SAYS["expectations"]), **NO_VERSIONS}
    assert client.post(page(Suite, "add"), told).status_code == 302
    suite = Suite.objects.get()
    assert "expect_column_values_to_not_be_null" in client.get(page(Suite, "change", suite.pk)).content.decode()
    assert client.post(page(Suite, "change", suite.pk), told | {"severity": "hold"}).status_code == 302
    for action in ("disable", "enable"):
        client.post(page(Suite, "changelist"), {"action": action, "_selected_action": [suite.pk]})
    entries = AuditEntry.objects.filter(object="pipeline/plant/suite/mine").order_by("pk")
    assert [entry.action.removeprefix("suite.") for entry in entries] == ["made", "changed", "disabled", "enabled"]
    assert list(suite.versions.values_list("number", "severity")) == [(2, "hold"), (1, "warn")]


@pytest.mark.parametrize(
    ("expectations", "words"),
    [
        (
            '[{"type": "expect_column_values_to_not_be_null", "arguments": {"column": "colour"}}]',
            "no column of the table",
        ),
        ("[", "Enter a valid JSON"),
        ("[]", "expectations"),
    ],
)
def test_a_suite_that_is_not_right_is_shown_where(
    client: Client, pipeline: Pipeline, expectations: str, words: str
) -> None:
    told = {"pipeline": pipeline.pk, "name": "mine", "layer": "silver", "severity": "warn", **NO_VERSIONS}
    answer = client.post(page(Suite, "add"), told | {"expectations": expectations})
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Suite.objects.exists()
