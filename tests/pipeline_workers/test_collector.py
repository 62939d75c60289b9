from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from spark_jobs.contracts import BatchCommitted, Entry, IngestProgress
from tests.pipeline_workers.test_postgres_loader import wait_for

pytestmark = pytest.mark.integration
BATCHES = 400
PIPELINE = """
import django; django.setup()
from controlplane.pipelines.services import pipeline_ensure
pipeline_ensure(name="plant", topic="{topic}")
"""


@pytest.fixture
def environment(kafka: str, warehouse: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a collector whose control plane is a database of this test."""
    telemetry = f"telemetry-{uuid4().hex[:8]}"
    readings = f"readings-{uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": kafka})
    made = admin.create_topics([NewTopic(telemetry, 1, 1), NewTopic(readings, 3, 1)])
    for done in made.values():
        done.result(30)
    names = ("WAREHOUSE_URL", "LAKE", "CHECKPOINTS", "JARS", "LOGS", "WORKSPACES")
    made_up = {f"PENSTOCK_{name}": str(tmp_path) for name in names}
    env = {
        **os.environ,
        **made_up,
        "PENSTOCK_SECRET_KEY": uuid4().hex,
        "PENSTOCK_DATABASE_URL": warehouse,
        "PENSTOCK_REDIS_URL": "redis://127.0.0.1:1",
        "PENSTOCK_BOOTSTRAP_SERVERS": kafka,
        "PENSTOCK_TELEMETRY_TOPIC": telemetry,
        "DJANGO_SETTINGS_MODULE": "controlplane.config.settings.one_machine",
    }
    subprocess.run([sys.executable, "-m", "django", "migrate", "-v", "0"], env=env, check=True)
    subprocess.run([sys.executable, "-c", PIPELINE.format(topic=readings)], env=env, check=True)
    return env


@contextmanager
def collector(env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", "pipeline_workers.collector"], env=env, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.fault(4, "kill -9 the collector, again and again")
def test_a_collector_killed_again_and_again_counts_every_message_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    dice = random.Random(5)
    producer = Producer({"bootstrap.servers": environment["PENSTOCK_BOOTSTRAP_SERVERS"]})
    total = 0
    for number in range(BATCHES):
        count = dice.randrange(1, 1000)
        total += count
        message = BatchCommitted(
            pipeline="plant", at=1.0, query="ingest", generation=1, batch=number, entries=(Entry(0, "kafka", count),)
        )
        for _ in range(2 if number % 10 == 0 else 1):  # a driver may tell of a batch twice
            producer.produce(environment["PENSTOCK_TELEMETRY_TOPIC"], message.to_json())
        if number % 50 == 0:
            producer.produce(environment["PENSTOCK_TELEMETRY_TOPIC"], b"not a message")
    assert producer.flush(30) == 0

    log = tmp_path / "collector.log"
    with psycopg.connect(environment["PENSTOCK_DATABASE_URL"], autocommit=True) as connection:

        def one(statement: str) -> int:
            row = connection.execute(statement).fetchone()
            return int(row[0] or 0) if row else 0

        counted = "SELECT sum(count) FROM ledger_ledgertotal WHERE measure = 'kafka'"
        for kill_at in (1, total // 3, 2 * total // 3):
            with collector(environment, log):
                wait_for(lambda at=kill_at: one(counted) >= at)
        with collector(environment, log) as last:
            wait_for(lambda: one("SELECT max(next_offset) FROM telemetry_consumedoffset") == BATCHES + 40 + 8)
            # Redis is away all the time, and still it publishes.
            wait_for(lambda: one("SELECT (data->'accounts'->>'kafka')::bigint FROM telemetry_livestate") == total)
            last.terminate()
            assert last.wait(20) == 0
        assert one(counted) == total
        assert one("SELECT sum(count) FROM ledger_ledgerentry") == total
        assert one("SELECT count(*) FROM streaming_microbatch") == BATCHES
        for resolution in (10, 60, 3600):
            rolled = f"SELECT sum(sum) FROM telemetry_rollup WHERE metric = 'ingested' AND resolution = {resolution}"
            assert one(rolled) == total
    assert log.read_text().count("not a telemetry message") >= 8


def test_the_brokers_ends_are_published_with_the_lag(environment: dict[str, str], tmp_path: Path) -> None:
    servers, url = environment["PENSTOCK_BOOTSTRAP_SERVERS"], environment["PENSTOCK_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:

        def one(statement: str) -> Any:
            row = connection.execute(statement).fetchone()
            return row and row[0]

        topic = one("SELECT topic FROM pipelines_pipeline")
        producer = Producer({"bootstrap.servers": servers})
        for number in range(5):
            producer.produce(topic, b"a reading", partition=number % 3)
        assert producer.flush(30) == 0
        read = IngestProgress(pipeline="plant", at=1.0, offsets={"0": 1, "1": 2, "2": 1})
        producer.produce(environment["PENSTOCK_TELEMETRY_TOPIC"], read.to_json())
        assert producer.flush(30) == 0
        with collector(environment, tmp_path / "collector.log"):
            wait_for(lambda: one("SELECT data->'lag'->>'total' FROM telemetry_livestate") == "1")
            assert one("SELECT data->>'received' FROM telemetry_livestate") == "5"
            assert one("SELECT data->'lag'->'partitions' FROM telemetry_livestate") == {"0": 1, "1": 0, "2": 0}
            # Nobody reports, and still it publishes: a page must be able to tell silence from an end.
            seq = one("SELECT seq FROM telemetry_livestate")
            wait_for(lambda: one("SELECT seq FROM telemetry_livestate") > seq, seconds=10)
