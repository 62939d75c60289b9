"""The data docs: for whoever is signed in, harmless whatever the data says, and never without words."""

from __future__ import annotations

import pytest
from django.test import Client

from controlplane.core.roles import Role
from controlplane.pipelines.models import Pipeline
from controlplane.quality.services import evaluations_record, suite_save, suite_switch, suites_ensure
from controlplane.quality.words import observed_words
from spark_jobs.suites import Evaluation
from tests.controlplane.api.conftest import person
from tests.controlplane.quality.found import NOT_NULL, evaluation

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
PAGE = "/quality/plant/"


@pytest.fixture
def client(pipeline: Pipeline) -> Client:
    """A viewer's browser."""
    made = Client()
    made.force_login(person(Role.VIEWER))
    return made


def words(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_who_is_not_signed_in_is_asked_to(pipeline: Pipeline) -> None:
    answer = Client().get(PAGE)
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=%2Fquality%2Fplant%2F")


def test_a_pipeline_without_suites_says_what_to_do(client: Client) -> None:
    assert "penstock quality save NAME --file suite.json" in words(client)
    assert client.get("/quality/other/").status_code == 404
    assert client.post(PAGE).status_code == 405


def test_suites_that_were_never_evaluated_say_so(client: Client, pipeline: Pipeline) -> None:
    suites_ensure(pipeline=pipeline)
    page = words(client)
    assert page.count("It was never evaluated.") == 4
    assert "value: values to not be null" in page
    assert "3 days before them have been profiled" in page


def test_what_was_found_is_said_in_words_and_escaped(client: Client, pipeline: Pipeline) -> None:
    values = {"layer": "silver", "severity": "hold", "expectations": [NOT_NULL]}
    suite_save(pipeline="plant", name="mine", values=values, actor=None)
    evil = "<script>alert(1)</script>"
    told = evaluation("mine", "failed", samples=[{"sensor_id": evil}], message=evil, observed=evil)
    evaluations_record(pipeline=pipeline, run=12, evaluations=[Evaluation.of(told)])
    suite_save(pipeline="plant", name="mine", values=values | {"severity": "warn"}, actor=None)
    suite_switch(pipeline="plant", name="mine", enabled=False, actor=None)
    page = words(client)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3
    assert "by run 12: 7 rows from 2026-03-09 00:00 to 2026-03-09 01:00." in page
    assert "In 30 days 0 of 1 expectations passed." in page
    assert "That was version 1" in page
    assert "disabled" in page


def test_nothing_of_it_needs_what_the_policy_forbids(client: Client, pipeline: Pipeline) -> None:
    page = words(client)
    assert "style=" not in page
    assert "<style" not in page
    (sheet,) = [part.split('"')[0] for part in page.split('rel="stylesheet" href="')[1:]]
    answer = client.get(sheet)
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, "text/css")


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (None, ""),
        (0, "0"),
        (1 / 3, "0.333333"),
        ("a text", "a text"),
        ([1, "b"], "1, b"),
        ({"day": "2026-03-09", "value": 2.0, "usual": None}, "day 2026-03-09, value 2"),
    ],
)
def test_what_was_observed_is_said_without_the_marks_of_a_language(observed: object, said: str) -> None:
    assert observed_words(observed) == said
