"""One Spark session for all tests of the jobs, and a small fleet's records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from pyspark.sql import SparkSession

from spark_jobs.contracts import ContinuousArguments, SensorTypeSpec
from spark_jobs.jobs.session import open_session

TEMPERATURE = SensorTypeSpec("temperature", "celsius", -20, 60, -40, 85, 10)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def spark(jars: Path) -> Iterator[SparkSession]:
    session = open_session(
        "penstock-tests", master="local[2]", jars=[str(jar) for jar in sorted(jars.glob("*.jar"))], memory="1g"
    )
    yield session
    session.stop()


@pytest.fixture
def topics(kafka: str) -> tuple[str, str]:
    """A topic of readings and one of telemetry, new for the test."""
    return make_topics(kafka)


def make_topics(kafka: str) -> tuple[str, str]:
    names = (f"readings-{uuid4().hex[:8]}", f"telemetry-{uuid4().hex[:8]}")
    admin = AdminClient({"bootstrap.servers": kafka})
    settings = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "4194304"}
    made = admin.create_topics([NewTopic(names[0], 3, 1, config=settings), NewTopic(names[1], 1, 1)])
    for done in made.values():
        done.result(30)
    return names


@pytest.fixture
def arguments(kafka: str, topics: tuple[str, str], jars: Path, tmp_path: Path) -> ContinuousArguments:
    return make_arguments(kafka, topics, jars, tmp_path)


def make_arguments(kafka: str, topics: tuple[str, str], jars: Path, folder: Path) -> ContinuousArguments:
    return ContinuousArguments(
        pipeline="plant",
        version=1,
        generation=1,
        run_tag=uuid4().hex,
        fencing_token=1,
        bootstrap_servers=kafka,
        topic=topics[0],
        telemetry_topic=topics[1],
        lake=str(folder / "lake"),
        checkpoint=str(folder / "checkpoint"),
        jars=tuple(str(jar) for jar in sorted(jars.glob("*.jar"))),
        sensor_types=(TEMPERATURE,),
        trigger_seconds=0.5,
        driver_memory="1g",
    )


@pytest.fixture
def reading() -> Callable[..., bytes]:
    """Makes the payload of a reading, any of its fields replaced or (with None) left out."""

    def make(**changes: object) -> bytes:
        fields = {
            "sensor_id": "t-1",
            "sensor_type": "temperature",
            "timestamp": START.isoformat(),
            "value": 21.5,
            "unit": "celsius",
            "location": "floor-1-zone-A",
        }
        fields.update(changes)
        return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()

    return make
