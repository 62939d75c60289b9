"""The admin's pages, asked for what nobody should ask for: never a failure of ours, and no secret to be guessed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.core.roles import Role
from controlplane.pipelines.models import Pipeline
from controlplane.sensors.models import SensorType
from controlplane.streaming.models import StreamingJob
from tests.controlplane.api.conftest import PASSWORD, Caller, person, viewer
from tests.controlplane.test_admin import MODELS, page

__all__ = ["viewer"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db]

LARGE = "9" * 30
QUERIES = [
    "q=%00", "q=" + "x" * 3000, "o=99.-1", "o=x", "p=-1", "p=x", f"p={LARGE}", "all=", "e=1", "_to_field=x", "_popup=1",
    "id__exact=x", f"id__exact={LARGE}", "id__exact=%00", "pk__in=", "id__regex=(", "nothing__exact=1", "id__id__id=1",
]  # fmt: skip
VALUES = ["%00", "x", LARGE, "-1", "", "%ed%a0%80", "1,%00"]
PLACES = ["x", "0", LARGE, "9" * 5000, "_00", "-1", "%00", "%ff"]


@pytest.fixture
def client(db: None) -> Client:
    """An administrator's browser, which gets a failure as an answer."""
    made = Client(raise_request_exception=False)
    made.force_login(person(Role.ADMINISTRATOR))
    return made


@MODELS
def test_a_list_that_is_asked_for_nonsense_is_shown_without_or_refused(
    client: Client, pipeline: Pipeline, model: Any
) -> None:
    offered = admin.site.get_model_admin(model).list_filter
    filters = [f"{name}{how}={value}" for name in offered for how in ("__exact", "__in") for value in VALUES]
    filters += [f"{field.name}__regex=(" for field in model._meta.concrete_fields]
    for query in QUERIES + filters:
        answer = client.get(f"{page(model, 'changelist')}?{query}")
        assert answer.status_code in (200, 302, 400), query


@MODELS
def test_a_row_that_is_none_is_not_found(client: Client, pipeline: Pipeline, model: Any) -> None:
    for place in PLACES:
        for tail in ("change/", "history/", "delete/", "", "x/"):
            answer = client.get(f"{page(model, 'changelist')}{place}/{tail}")
            assert answer.status_code in (302, 403, 404), (place, tail)


@MODELS
def test_forms_with_nonsense_change_nothing(client: Client, pipeline: Pipeline, model: Any) -> None:
    known, noted = model.objects.count(), AuditEntry.objects.count()
    for action in (*getattr(admin.site.get_model_admin(model), "actions", ()), "delete_selected", "\0"):
        for chosen in ("x", "\0", LARGE, "9" * 5000):
            told = {"action": action, "_selected_action": chosen, "index": "x", "select_across": "0"}
            answer = client.post(page(model, "changelist"), told)
            assert answer.status_code in (200, 302, 400, 403), (action, chosen)
    for told in ({}, {"username": "a\0b", "unit": "\0"}, {"name": "x" * 500, "normal_low": "1e999", "role": "x"}):
        assert client.post(page(model, "add"), told).status_code in (200, 403)
    assert known == model.objects.count()
    assert noted == AuditEntry.objects.count()


@pytest.mark.parametrize("how", ["startswith", "gt", "regex", "contains", "exact"])
def test_no_secret_can_be_guessed_by_its_beginning(client: Client, viewer: Caller, how: str) -> None:
    token = ApiToken.objects.get(user=viewer.user)
    for model, lookup, value in (
        (ApiToken, "digest", token.digest),
        (ApiToken, "user__password", viewer.user.password),
        (User, "password", viewer.user.password),
    ):
        answer = client.get(page(model, "changelist"), {f"{lookup}__{how}": value})
        assert answer.status_code == 400, (model, lookup)


def test_the_filters_that_are_offered_work(client: Client, viewer: Caller) -> None:
    for query in ("role__exact=viewer", "is_active__exact=1"):
        shown = client.get(f"{page(User, 'changelist')}?{query}").content.decode()
        assert reverse("admin:accounts_user_change", args=[viewer.user.pk]) in shown, query
    hidden = client.get(f"{page(User, 'changelist')}?role__exact=operator").content.decode()
    assert reverse("admin:accounts_user_change", args=[viewer.user.pk]) not in hidden


@pytest.mark.parametrize("query", ["page=x", "page=99", "page=-1", "page=%00"])
def test_a_page_of_the_search_that_is_none_is_not_found(client: Client, query: str) -> None:
    assert client.get(f"/admin/search/?s=user&extended=1&{query}").status_code == 404
    assert client.get("/admin/search/?s=user&extended=1").status_code == 200


def test_no_change_is_made_without_the_csrf_token(client: Client, pipeline: Pipeline) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get())
    job = StreamingJob.objects.get()
    told = {"action": "drain", "_selected_action": [job.pk]}
    assert strict.post(page(StreamingJob, "changelist"), told).status_code == 403
    assert not AuditEntry.objects.filter(action="streaming_job.drain").exists()


def test_ones_own_password_is_changed_by_the_service_and_the_session_goes_on(client: Client) -> None:
    told = {"old_password": PASSWORD, "new_password1": "a long enough one", "new_password2": "a long enough one"}
    assert client.post("/admin/password_change/", told | {"old_password": "wrong"}).status_code == 200
    assert not AuditEntry.objects.filter(action="user.changed").exists()
    assert client.post("/admin/password_change/", told)["Location"] == "/admin/password_change/done/"
    assert User.objects.get().check_password("a long enough one")
    entry = AuditEntry.objects.get(action="user.changed")
    assert (entry.actor, entry.after["password"]) == (User.objects.get(), "changed")
    assert "a long enough one" not in str(vars(entry))
    assert client.get("/admin/").status_code == 200


def test_signing_in_and_out_on_the_admins_pages_is_in_the_log(db: None) -> None:
    person(Role.ADMINISTRATOR)
    browser = Client()
    browser.post("/admin/login/", {"username": "administrator", "password": PASSWORD})
    browser.post("/admin/logout/")
    told = AuditEntry.objects.order_by("pk").values_list("actor__username", "action", "object")
    who = ("administrator",)
    assert list(told) == [
        (*who, "session.started", "user/administrator"),
        (*who, "session.ended", "user/administrator"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "a\x1b[2Kb"},
        {"reason": "x" * 501},
        {"unit": "\u202eu"},
        {"unit": "x" * 51},
        {"name": "a b"},
        {"name": ""},
    ],
)
def test_a_type_that_the_api_would_refuse_the_admin_does_not_make(
    client: Client, pipeline: Pipeline, wrong: dict[str, str]
) -> None:
    told = {"name": "flow", "unit": "u", "normal_low": 1, "normal_high": 2, "physical_low": 0, "physical_high": 3}
    told |= {"expected_interval_seconds": 5, "reason": "new"}
    known = SensorType.objects.count()
    client.post(page(SensorType, "add"), told | wrong)
    assert SensorType.objects.count() == known
    assert client.post(page(SensorType, "add"), told).status_code == 302
    assert AuditEntry.objects.get(action="sensor_type.made").reason == "new"
