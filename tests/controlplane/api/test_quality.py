from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.accounts.models import AuditEntry
from controlplane.alerts.models import Incident
from controlplane.pipelines.models import Pipeline
from controlplane.quality.models import ExpectationResult, Suite, SuiteEvaluation, SuiteVersion
from controlplane.quality.services import evaluations_prune, evaluations_record, suites_ensure
from controlplane.quality.services.commands import PROVIDED
from controlplane.runs.models import Run
from spark_jobs.suites import Evaluation
from tests.controlplane.api.conftest import Caller
from tests.controlplane.quality.found import NOT_NULL, evaluation

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
QUALITY = "pipelines/plant/quality"
LIST = f"{QUALITY}/suites"
MINE = f"{LIST}/mine"
SAYS: dict[str, Any] = {"layer": "silver", "severity": "hold", "expectations": [NOT_NULL]}
BETWEEN = "expect_column_values_to_be_between"
REGEX = "expect_column_values_to_match_regex"


def of(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": kind, "arguments": arguments}


@pytest.fixture
def made(operator: Caller, pipeline: Pipeline) -> dict[str, Any]:
    answer = operator.post(LIST, name="mine", reason="new", **SAYS)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def record(pipeline: Pipeline, verdict: str, *, run: int = 1, **told: Any) -> SuiteEvaluation:
    item = Evaluation.of(evaluation("mine", verdict, **told))
    return evaluations_record(pipeline=pipeline, run=run, evaluations=[item])["mine"]


class TestSuites:
    def test_a_suite_is_made_listed_and_shown(self, operator: Caller, viewer: Caller, made: dict[str, Any]) -> None:
        assert (made["name"], made["version"], made["enabled"], made["verdict"]) == ("mine", 1, True, None)
        assert {name: made[name] for name in SAYS} == SAYS
        assert viewer.get(MINE).json() == made
        assert viewer.get(LIST).json()["results"] == [made]
        assert operator.post(LIST, name="mine", **SAYS).status_code == 409
        entry = AuditEntry.objects.get(action="suite.made")
        assert (str(entry.actor), entry.object, entry.reason) == ("operator", "pipeline/plant/suite/mine", "new")

    def test_another_content_is_another_version_and_the_same_is_not(self, operator: Caller, made: dict) -> None:
        assert operator.put(MINE, **SAYS).json()["version"] == 1
        changed = operator.put(MINE, **SAYS | {"severity": "warn"}, reason="too many")
        assert (changed.status_code, changed.json()["version"]) == (200, 2)
        versions = operator.get(f"{MINE}/versions").json()["results"]
        assert [(item["number"], item["severity"], item["reason"]) for item in versions] == [
            (2, "warn", "too many"),
            (1, "hold", "new"),
        ]
        assert {item["made_by"] for item in versions} == {"operator"}
        assert AuditEntry.objects.get(action="suite.changed").before["severity"] == "hold"

    def test_put_makes_a_suite_that_is_not_there(self, operator: Caller, pipeline: Pipeline) -> None:
        assert operator.put(MINE, **SAYS).status_code == 201
        assert operator.put(MINE, **SAYS).status_code == 200

    def test_a_version_has_no_address_at_which_it_could_be_changed(self, operator: Caller, made: dict) -> None:
        for answer in (operator.put(f"{MINE}/versions", **SAYS), operator.delete(f"{MINE}/versions")):
            assert answer.status_code == 405
        assert operator.put(f"{MINE}/versions/1", **SAYS).status_code == 404

    def test_a_dry_run_says_what_would_change_and_changes_nothing(self, operator: Caller, made: dict) -> None:
        known = AuditEntry.objects.count()
        wanted = SAYS | {"severity": "warn", "expectations": [of(BETWEEN, column="value", min_value=0)]}
        plan = operator.put(MINE, dry_run=True, **wanted)
        assert (plan.status_code, plan.json()) == (
            200,
            {
                "version": 2,
                "makes_version": True,
                "changes": [
                    "severity: hold -> warn",
                    '- expect_column_values_to_not_be_null {"column": "value"}',
                    '+ expect_column_values_to_be_between {"column": "value", "min_value": 0}',
                ],
            },
        )
        assert operator.put(MINE, dry_run=True, **SAYS).json()["makes_version"] is False
        assert operator.post(LIST, name="other", dry_run=True, **SAYS).status_code == 200
        assert operator.post(LIST, name="mine", dry_run=True, **SAYS).status_code == 409
        assert (Suite.objects.count(), SuiteVersion.objects.count()) == (1, 1)
        assert AuditEntry.objects.count() == known

    @pytest.mark.parametrize(
        ("expectations", "field"),
        [
            ([of("expect_the_impossible")], "expectations.0.type"),
            ([NOT_NULL, of(NOT_NULL["type"], column="colour")], "expectations.1.column"),
            ([of(BETWEEN, column="sensor_id", min_value=1)], "expectations.0.column"),
            ([of(BETWEEN, column="value", min_value=2, max_value=1)], "expectations.0.max_value"),
            ([of(REGEX, column="sensor_id", regex="(")], "expectations.0.regex"),
            ([of(NOT_NULL["type"], column="value", query="DROP TABLE x")], "expectations.0.query"),
            ([NOT_NULL] * 500, "expectations"),
            ([], "expectations"),
            ([7], "expectations.0"),
            ([NOT_NULL | {"meta": 1}], "expectations.0"),
            ([{"type": NOT_NULL["type"], "arguments": []}], "expectations.0.arguments"),
            ([of(REGEX, column="sensor_id", regex="a\0b")], "expectations.0"),
            ([of("drift_volume")], "expectations.0.type"),
        ],
    )
    def test_what_cannot_be_expected_is_named_by_its_place(
        self, operator: Caller, made: dict, expectations: list[Any], field: str
    ) -> None:
        body = SAYS | {"expectations": expectations}
        for answer in (
            operator.post(LIST, name="other", **body),
            operator.put(MINE, **body),
            operator.put(MINE, dry_run=True, **body),
        ):
            assert (answer.status_code, list(answer.json()["errors"])) == (400, [field]), answer.content
        assert SuiteVersion.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "field"),
        [({"layer": "copper"}, "layer"), ({"severity": "fatal"}, "severity"), ({"colour": "red"}, "colour")],
    )
    def test_what_else_is_not_right(self, operator: Caller, made: dict, change: dict[str, str], field: str) -> None:
        answer = operator.put(MINE, **SAYS | change)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])

    @pytest.mark.parametrize("name", ["a b", "ü", "x" * 51])
    def test_a_name_is_a_short_word(self, operator: Caller, pipeline: Pipeline, name: str) -> None:
        assert list(operator.post(LIST, name=name, **SAYS).json()["errors"]) == ["name"]
        assert operator.put(f"{LIST}/{name}", **SAYS).status_code in (400, 404)

    def test_drift_is_a_suite_of_its_own_words(self, operator: Caller, pipeline: Pipeline) -> None:
        wanted = {"layer": "silver", "severity": "warn", "expectations": [of("drift_volume", limit=3)]}
        assert operator.put(f"{LIST}/drift", **wanted).status_code == 201
        for change, field in (
            ({"expectations": [NOT_NULL]}, "expectations.0.type"),
            ({"layer": "gold"}, "layer"),
            ({"expectations": [of("drift_volume", limit=0)]}, "expectations.0.limit"),
        ):
            assert list(operator.put(f"{LIST}/drift", **wanted | change).json()["errors"]) == [field]

    def test_a_suite_is_disabled_and_enabled_with_an_audit_row_each(self, operator: Caller, made: dict) -> None:
        assert operator.post(f"{MINE}/disable", reason="noise").json()["enabled"] is False
        assert operator.post(f"{MINE}/disable").status_code == 200  # which it is already
        assert operator.post(f"{MINE}/enable").json()["enabled"] is True
        entries = AuditEntry.objects.filter(object="pipeline/plant/suite/mine").order_by("pk")
        assert [item.action for item in entries] == ["suite.made", "suite.disabled", "suite.enabled"]

    def test_what_is_provided_is_right_and_is_made_once(self, operator: Caller, pipeline: Pipeline) -> None:
        assert set(suites_ensure(pipeline=pipeline)) == {item["name"] for item in PROVIDED}
        operator.post(f"{LIST}/silver/disable")
        operator.put(
            f"{LIST}/gold", **SAYS | {"layer": "gold", "expectations": [of(BETWEEN, column="p50", min_value=0)]}
        )
        assert suites_ensure(pipeline=pipeline) == []
        assert not Suite.objects.get(name="silver").enabled
        assert operator.get(f"{LIST}/gold").json()["version"] == 2


class TestFindings:
    def test_an_evaluation_is_listed_filtered_and_shown_with_its_results(
        self, viewer: Caller, made: dict, pipeline: Pipeline
    ) -> None:
        bad = record(pipeline, "failed", samples=[{"sensor_id": "s-1", "value": None}])
        record(pipeline, "passed", run=2)
        listed = viewer.get(f"{QUALITY}/evaluations").json()["results"]
        assert [(item["run"], item["verdict"]) for item in listed] == [(2, "passed"), (1, "failed")]
        assert listed[1]["counts"] == {"passed": 0, "empty": 0, "failed": 1, "error": 0}
        for query, runs in (({"verdict": "failed"}, [1]), ({"suite": "mine"}, [2, 1]), ({"run": 2}, [2])):
            found = viewer.get(f"{QUALITY}/evaluations", **query).json()["results"]
            assert [item["run"] for item in found] == runs
        shown = viewer.get(f"{QUALITY}/evaluations/{bad.pk}").json()
        (result,) = shown.pop("results")
        assert shown == listed[1]
        assert result["samples"] == [{"sensor_id": "s-1", "value": None}]
        assert (result["observed"], result["unexpected"], result["position"]) == (2.5, 3, 0)
        assert viewer.get(MINE).json()["verdict"] == "passed"

    def test_what_is_told_twice_is_there_once(self, made: dict, pipeline: Pipeline) -> None:
        first = record(pipeline, "failed")
        again = record(pipeline, "passed")
        assert (again.pk, SuiteEvaluation.objects.get().verdict) == (first.pk, "passed")
        assert ExpectationResult.objects.get().verdict == "passed"

    def test_an_incident_is_open_until_it_passes(self, made: dict, pipeline: Pipeline) -> None:
        record(pipeline, "failed")
        record(pipeline, "failed", run=2)
        record(pipeline, "empty", run=3)
        assert Incident.objects.get().cleared_at is None
        record(pipeline, "passed", run=4)
        assert Incident.objects.get().resolution == "suite mine passed in run 4"

    def test_a_suite_that_only_warns_by_now_has_none(self, operator: Caller, made: dict, pipeline: Pipeline) -> None:
        record(pipeline, "error")
        operator.put(MINE, **SAYS | {"severity": "warn"})
        assert Incident.objects.get().resolution == "the suite holds nothing back any more"
        record(pipeline, "failed", run=2, version=2)
        assert Incident.objects.count() == 1

    def test_the_pass_rate_counts_errors_against_and_empty_ones_apart(
        self, viewer: Caller, made: dict, pipeline: Pipeline
    ) -> None:
        verdicts = ("passed", "passed", "failed", "error", "empty")
        made_ones = [record(pipeline, verdict, run=number) for number, verdict in enumerate(verdicts, start=1)]
        (day,) = viewer.get(f"{QUALITY}/pass-rate").json()["days"]
        assert {name: day[name] for name in ("layer", "passed", "evaluated", "empty", "rate")} == {
            "layer": "silver", "passed": 2, "evaluated": 4, "empty": 1, "rate": 0.5,
        }  # fmt: skip
        old = made_ones[0].evaluated_at - timedelta(days=1)
        SuiteEvaluation.objects.exclude(pk=made_ones[4].pk).update(evaluated_at=old)
        (day,) = viewer.get(f"{QUALITY}/pass-rate", days=1).json()["days"]
        assert (day["evaluated"], day["rate"]) == (0, None)
        assert len(viewer.get(f"{QUALITY}/pass-rate", days=2).json()["days"]) == 2

    def test_the_history_of_an_expectation_goes_through_versions(
        self, operator: Caller, made: dict, pipeline: Pipeline
    ) -> None:
        record(pipeline, "failed")
        operator.put(MINE, **SAYS | {"expectations": [of(BETWEEN, column="value", min_value=0), NOT_NULL]})
        record(pipeline, "passed", run=2, version=2)
        path = f"{MINE}/expectations/1/history"
        found = operator.get(path).json()["results"]
        assert [(item["version"], item["verdict"]) for item in found] == [(2, "passed"), (1, "failed")]
        assert operator.get(f"{MINE}/expectations/0/history").json()["results"] == []
        assert operator.get(f"{MINE}/expectations/2/history").status_code == 404

    def test_old_ones_are_forgotten_with_their_results(self, made: dict, pipeline: Pipeline) -> None:
        old, _ = record(pipeline, "passed"), record(pipeline, "passed", run=2)
        SuiteEvaluation.objects.filter(pk=old.pk).update(evaluated_at=old.evaluated_at - timedelta(days=5))
        assert evaluations_prune(days=4) >= 1
        assert (SuiteEvaluation.objects.get().run, ExpectationResult.objects.count()) == (2, 1)


def test_an_evaluation_is_asked_for_by_a_run(operator: Caller, pipeline: Pipeline) -> None:
    answer = operator.post(f"{QUALITY}/evaluations", hours=3, reason="now")
    assert answer.status_code == 202
    run = answer.json()
    assert (run["kind"], run["parameters"], run["reason"], run["first_day"]) == ("quality", {"hours": 3}, "now", None)
    assert [stage["name"] for stage in run["stages"]] == ["evaluate", "quality"]
    assert operator.post(f"{QUALITY}/evaluations").status_code == 409
    assert operator.post("pipelines/plant/runs", kind="maintenance").status_code == 202  # neither minds the other
    for bad in (0, 169, "3", 1.5):
        assert list(operator.post(f"{QUALITY}/evaluations", hours=bad).json()["errors"]) == ["hours"]
    assert Run.objects.filter(kind="quality").count() == 1


def test_the_vocabulary_has_what_a_suite_may_say(viewer: Caller, pipeline: Pipeline) -> None:
    found = viewer.get(f"{QUALITY}/vocabulary").json()
    types = {item["type"]: item for item in found["types"]}
    assert {"name", "required", "meaning"} == types[BETWEEN]["arguments"][0].keys()
    assert {item["type"] for item in found["drift"]} == {
        "drift_volume",
        "drift_null_share",
        "drift_mean",
        "drift_spread",
    }
    columns = {item["layer"]: [column["name"] for column in item["columns"]] for item in found["columns"]}
    assert set(columns) == {"bronze", "silver", "gold"}
    assert "anomaly_score" in columns["silver"]


READS = [
    LIST, MINE, f"{MINE}/versions", f"{MINE}/expectations/0/history", f"{QUALITY}/evaluations", f"{QUALITY}/pass-rate",
    f"{QUALITY}/vocabulary",
]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_who_reads_what(viewer: Caller, nobody: Caller, made: dict, path: str) -> None:
    assert viewer.get(path).status_code == 200
    assert nobody.get(path).status_code == 401
    assert viewer.get(path.replace("plant", "other")).status_code == 404
    if "mine" in path:
        assert viewer.get(path.replace("mine", "other")).status_code == 404


def test_a_viewer_changes_nothing(viewer: Caller, made: dict) -> None:
    known = AuditEntry.objects.count()
    answers = [viewer.post(LIST, name="other", **SAYS), viewer.put(MINE, **SAYS | {"severity": "warn"})]
    answers += [viewer.post(f"{MINE}/{action}") for action in ("enable", "disable")]
    answers.append(viewer.post(f"{QUALITY}/evaluations"))
    assert {answer.status_code for answer in answers} == {403}
    assert (AuditEntry.objects.count(), SuiteVersion.objects.count()) == (known, 1)


def test_an_evaluation_of_another_pipeline_is_not_found(viewer: Caller, made: dict, pipeline: Pipeline) -> None:
    found = record(pipeline, "passed")
    Pipeline.objects.create(name="other", topic="t")
    assert viewer.get(f"pipelines/other/quality/evaluations/{found.pk}").status_code == 404
