from __future__ import annotations

from dataclasses import fields

import pytest

from controlplane.accounts.models import AuditEntry
from controlplane.pipelines.configuration import SETTINGS
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.sensors.models import Sensor, SensorType
from pipeline_workers.reconciler import arguments_of
from spark_jobs.contracts import ContinuousArguments
from tests.controlplane.api.conftest import Caller

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
VERSIONS = "pipelines/plant/versions"
OURS = {item.name for item in fields(ContinuousArguments)} - set(SETTINGS)
TEMPERATURE = {
    "unit": "celsius",
    "normal_low": 5.0,
    "normal_high": 30.0,
    "physical_low": -50.0,
    "physical_high": 100.0,
    "expected_interval_seconds": 60.0,
}


def test_a_pipeline_is_described_by_its_newest_version(viewer: Caller, operator: Caller, pipeline: Pipeline) -> None:
    operator.post(VERSIONS, configuration={"trigger_seconds": 5})
    found = viewer.get("pipelines/plant").json()
    assert (found["name"], found["topic"], found["version"]) == ("plant", "sensor-events", 2)
    assert found["configuration"] == {"trigger_seconds": 5}
    assert viewer.get("pipelines").json()["results"] == [found]


def test_the_environment_names_the_pipelines(viewer: Caller, pipeline: Pipeline) -> None:
    found = viewer.get("environment").json()
    assert found["pipelines"] == ["plant"]
    assert found["console_url"] == "http://testserver/"
    assert found["time"].endswith("Z")


def test_a_new_configuration_is_a_new_version_and_the_old_one_stays(operator: Caller, pipeline: Pipeline) -> None:
    made = operator.post(VERSIONS, configuration={"zscore_threshold": 4.5}, reason="too many anomalies")
    assert (made.status_code, made.json()["number"]) == (201, 2)
    numbers = [(item["number"], item["configuration"]) for item in operator.get(VERSIONS).json()["results"]]
    assert numbers == [(2, {"zscore_threshold": 4.5}), (1, {})]
    assert operator.get(f"{VERSIONS}/1").json()["configuration"] == {}


def test_the_same_configuration_again_makes_no_version(operator: Caller, pipeline: Pipeline) -> None:
    operator.post(VERSIONS, configuration={"zscore_threshold": 4.5})
    again = operator.post(VERSIONS, configuration={"zscore_threshold": 4.5})
    assert (again.status_code, again.json()["number"]) == (200, 2)


def test_the_driver_is_told_what_was_configured(operator: Caller, pipeline: Pipeline, settings) -> None:
    operator.post(VERSIONS, configuration={"zscore_window": 50, "trigger_seconds": 1})
    job = pipeline.streaming_job
    job.version = PipelineVersion.objects.get(number=2)
    told = arguments_of(job)
    assert (told.zscore_window, told.trigger_seconds) == (50, 1)


@pytest.mark.parametrize("name", [*sorted(OURS), "no_such_setting", "--conf", "", "x" * 5000])
def test_what_is_the_installations_or_unknown_cannot_be_set(operator: Caller, pipeline: Pipeline, name: str) -> None:
    answer = operator.post(VERSIONS, configuration={name: 1})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [f"configuration.{name[:100]}"]
    assert PipelineVersion.objects.count() == 1


@pytest.mark.parametrize(
    "value",
    [None, True, "5", "5; touch x", "--conf spark.driver.extraJavaOptions=x", "a\nb", "a\0b", [1], {"a": 1}, -1, 1e308],
)
@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_value_that_is_no_sensible_number_is_refused(
    operator: Caller, pipeline: Pipeline, name: str, value: object
) -> None:
    answer = operator.post(VERSIONS, configuration={name: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [f"configuration.{name}"]


@pytest.mark.parametrize("text", ['{"trigger_seconds": NaN}', '{"trigger_seconds": 1e999}', "[]", '"x"', "null", "7"])
def test_a_configuration_that_is_none_is_refused(operator: Caller, pipeline: Pipeline, text: str) -> None:
    body = f'{{"configuration": {text}}}'
    answer = operator.client.post(f"/api/v1/{VERSIONS}", body, content_type="application/json")
    assert answer.status_code == 400


def test_a_window_holds_at_least_what_a_score_needs(operator: Caller, pipeline: Pipeline) -> None:
    assert operator.post(VERSIONS, configuration={"zscore_window": 20}).status_code == 400
    assert operator.post(VERSIONS, configuration={"zscore_window": 20, "zscore_minimum": 20}).status_code == 201


def test_every_setting_is_an_argument_of_the_job_with_a_default_within_the_bounds() -> None:
    assert all(setting.complaint(setting.default) is None for setting in SETTINGS.values())


def test_a_changed_type_makes_a_version_of_every_pipeline(administrator: Caller, pipeline: Pipeline) -> None:
    answer = administrator.put("sensor-types/temperature", **TEMPERATURE, reason="a hot summer")
    assert answer.status_code == 200
    newest = PipelineVersion.objects.first()
    assert newest is not None
    assert newest.number == 2
    assert TEMPERATURE | {"name": "temperature"} in newest.sensor_types
    changed = AuditEntry.objects.get(action="sensor_type.changed")
    assert (changed.reason, changed.after["normal_high"]) == ("a hot summer", 30.0)


def test_a_type_that_says_the_same_changes_nothing(administrator: Caller, pipeline: Pipeline) -> None:
    administrator.put("sensor-types/temperature", **TEMPERATURE)
    assert administrator.put("sensor-types/temperature", **TEMPERATURE).status_code == 200
    assert PipelineVersion.objects.count() == 2
    assert AuditEntry.objects.filter(action="sensor_type.changed").count() == 1


def test_a_new_type_takes_the_sensors_that_named_it(administrator: Caller, pipeline: Pipeline) -> None:
    Sensor.objects.create(
        sensor_id="f-1", type_name="flow", unit="l/s", location="x", first_seen_at=pipeline.created_at
    )
    assert administrator.put("sensor-types/flow", **TEMPERATURE).status_code == 201
    sensor = Sensor.objects.get()
    assert sensor.sensor_type == SensorType.objects.get(name="flow")
    assert sensor.expected_interval_seconds == 60.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("normal_low", 40.0),
        ("physical_low", 6.0),
        ("physical_high", 29.0),
        ("expected_interval_seconds", 0),
        ("normal_low", "5"),
        ("normal_low", True),
        ("normal_low", None),
        ("unit", ""),
        ("unit", "a\0b"),
        ("unit", "\ud800"),
        ("colour", "red"),
    ],
)
def test_a_type_that_makes_no_sense_is_refused(
    administrator: Caller, pipeline: Pipeline, field: str, value: object
) -> None:
    assert administrator.put("sensor-types/temperature", **TEMPERATURE | {field: value}).status_code == 400
    assert PipelineVersion.objects.count() == 1
