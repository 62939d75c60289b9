"""The process itself against a real broker: what it prints, what is in Kafka, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from pipeline_workers.simulator.options import parse
from pipeline_workers.topics import ensure_topics
from spark_jobs.contracts import SimulatorReport, parse_message

ROOT = Path(__file__).parents[2]
OFFICE = ROOT / "tests" / "data" / "office_temperature.csv"


@pytest.fixture
def topics(kafka: str) -> tuple[str, str, str]:
    """Bootstrap servers, a topic and a telemetry topic of this test's own."""
    name = uuid.uuid4().hex[:8]
    ensure_topics(kafka, f"readings-{name}", f"telemetry-{name}")
    return kafka, f"readings-{name}", f"telemetry-{name}"


def argv(topics: tuple[str, str, str], *options: str) -> list[str]:
    servers, topic, telemetry = topics
    own = ["--bootstrap-servers", servers, "--topic", topic, "--telemetry-topic", telemetry]
    return [sys.executable, "-m", "pipeline_workers.simulator", *own, *options]


def simulate(topics: tuple[str, str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv(topics, *options), cwd=ROOT, capture_output=True, text=True, timeout=120)


def messages(servers: str, topic: str) -> list[Message]:
    """All messages of a topic, partition by partition."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    found: list[Message] = []
    try:
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            consumer.assign([TopicPartition(topic, partition, low)])
            wanted = len(found) + high - low
            while len(found) < wanted:
                found += consumer.consume(min(1000, wanted - len(found)), timeout=10)
    finally:
        consumer.close()
    assert not [message.error() for message in found if message.error()]
    return found


@pytest.mark.integration
def test_kafka_holds_exactly_what_was_printed_and_told(topics: tuple[str, str, str], tmp_path: Path) -> None:
    servers, topic, telemetry = topics
    truth_file = tmp_path / "truth.jsonl"
    options = ["--rate", "0", "--max-events", "20000", "--sensors", "40", "--seed", "5", "--truth", str(truth_file)]
    rates = ["--anomaly-rate", "0.02", "--malformed-rate", "0.02", "--duplicate-rate", "0.02", "--late-rate", "0.02"]
    done = simulate(topics, *options, *rates, "--pipeline", "pilot")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    arrived = messages(servers, topic)
    truth = [json.loads(line) for line in truth_file.read_text().splitlines()]
    kinds = Counter(entry["kind"] for entry in truth)

    assert told["sent"] == len(arrived) == 20_000
    assert told["failed"] == 0
    assert told["anomalies"] == kinds["anomaly"] > 0
    assert told["malformed"] == kinds["malformed"] == sum(told["malformed_by_reason"].values()) > 0
    assert told["duplicates"] == kinds["duplicate"] > 0
    assert told["late"] == kinds["late"] > 0
    assert told["normal"] == 20_000 - sum(kinds.values())

    # Each sensor's readings are in one partition, and in the order that makes late ones late.
    partitions = defaultdict(set)
    seen: Counter[tuple[str, str]] = Counter()
    newest: dict[str, str] = {}
    behind = set()
    for message in arrived:
        reading = _accepted(message)
        if reading is not None:
            identity = (reading["sensor_id"], reading["timestamp"])
            partitions[identity[0]].add(message.partition())
            if not seen[identity] and identity[1] < newest.get(identity[0], ""):
                behind.add(identity)
            newest[identity[0]] = max(newest.get(identity[0], ""), identity[1])
            seen[identity] += 1
    assert all(len(where) == 1 for where in partitions.values())
    assert {len(where) for where in partitions.values()} == {1}
    assert behind == {(item["sensor_id"], item["timestamp"]) for item in truth if item["kind"] == "late"}
    repeats = Counter((item["sensor_id"], item["timestamp"]) for item in truth if item["kind"] == "duplicate")
    assert {identity: count - 1 for identity, count in seen.items() if count > 1} == dict(repeats)

    reports = [parse_message(message.value()) for message in messages(servers, telemetry)]
    last = reports[-1]
    assert isinstance(last, SimulatorReport)
    assert (last.pipeline, last.final, last.sent, last.failed) == ("pilot", True, 20_000, 0)
    assert (last.anomalies, last.malformed) == (told["anomalies"], told["malformed"])
    assert (last.duplicates, last.late, last.normal) == (told["duplicates"], told["late"], told["normal"])


def _accepted(message: Message) -> dict[str, Any] | None:
    """The reading, if it is one by JSON and key and its time is ISO-8601 with a full offset and not ahead."""
    try:
        reading = json.loads(message.value() or b"")
        key = (message.key() or b"").decode()
        kept = (
            {"sensor_id", "timestamp", "value", "unit", "location", "sensor_type"} == reading.keys()
            and reading["sensor_id"] == key
            and all(reading.values())
            and isinstance(reading["unit"], str)
            and isinstance(reading["value"], float)
            and abs(reading["value"]) < 1e9
            and reading["timestamp"].endswith("+00:00")
            and reading["timestamp"] < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 300))
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None
    return reading if kept else None


@pytest.mark.integration
def test_the_office_data_arrive_with_their_own_times(topics: tuple[str, str, str]) -> None:
    done = simulate(topics, "--replay-csv", str(OFFICE))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"] == 7267
    arrived = [json.loads(message.value()) for message in messages(topics[0], topics[1])]
    assert len(arrived) == 7267
    assert (arrived[0]["timestamp"], arrived[-1]["timestamp"]) == (
        "2013-07-04T00:00:00+00:00", "2014-05-28T15:00:00+00:00",
    )  # fmt: skip


@pytest.mark.integration
def test_a_bad_row_ends_the_replay_after_the_rows_before_it(topics: tuple[str, str, str], tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    lines = OFFICE.read_text().splitlines()[:101]
    path.write_text("\n".join([*lines, lines[-1].replace("celsius", ""), *lines[1:]]))
    done = simulate(topics, "--replay-csv", str(path))
    assert done.returncode == 1
    assert done.stderr.strip() == f"simulator: {path}: line 102, column unit: empty"
    assert json.loads(done.stdout)["sent"] == 100
    assert len(messages(topics[0], topics[1])) == 100


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_simulator_has_delivered_and_counted_all_it_made(
    topics: tuple[str, str, str], number: signal.Signals
) -> None:
    with subprocess.Popen(
        argv(topics, "--rate", "500", "--progress"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(1)
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    told = json.loads(out)
    assert told["sent"] > 100
    assert told["sent"] == len(messages(topics[0], topics[1]))
    assert told["failed"] == 0


@pytest.mark.integration
def test_readings_over_the_contracts_limit_arrive_when_asked_for(topics: tuple[str, str, str]) -> None:
    options = ["--malformed-kinds", "too_large", "--malformed-rate", "0.5", "--max-events", "10", "--rate", "0"]
    done = simulate(topics, *options)
    assert done.returncode == 0, done.stderr
    large = [message for message in messages(topics[0], topics[1]) if len(message.value()) > 1024 * 1024]
    assert len(large) == json.loads(done.stdout)["malformed"] > 0


@pytest.mark.integration
def test_a_reading_that_is_not_delivered_is_an_error(topics: tuple[str, str, str]) -> None:
    # The broker refuses what is over the topic's own limit, as it would with a full disk or a lost permission.
    entry = ConfigEntry("max.message.bytes", "200", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topics[1], incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": topics[0]})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    done = simulate(topics, "--max-events", "50", "--rate", "0")
    assert done.returncode == 1
    assert "readings were not delivered" in done.stderr
    told = json.loads(done.stdout)
    assert told["failed"] > 0
    assert told["sent"] + told["failed"] == 50
    assert told["sent"] == len(messages(topics[0], topics[1]))


@pytest.mark.integration
def test_a_missing_topic_is_named(kafka: str) -> None:
    done = simulate((kafka, "no-such-topic", ""), "--max-events", "1")
    assert done.returncode == 1
    assert done.stderr.strip() == f"simulator: Kafka at {kafka} has no topic no-such-topic"


@pytest.mark.integration
def test_an_unreachable_broker_is_one_clear_line_within_ten_seconds() -> None:
    started = time.monotonic()
    done = simulate(("127.0.0.1:1", "readings", "telemetry"), "--max-events", "1")
    assert time.monotonic() - started < 12  # ten, and the start of a Python process on a busy machine
    assert done.returncode == 1
    assert done.stderr.startswith("simulator: no Kafka answers at 127.0.0.1:1: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--anomaly-size", "1:8"], "at least 3 deviations"),
        (["--anomaly-size", "big"], "is not LOW:HIGH"),
        (["--malformed-kinds", "rotten"], "known are empty, too_large"),
        (["--rate", "-1"], "--rate lies between 0"),
        (["--max-events", "0"], "must be at least 1"),
        (["--rebase-now"], "belong to --replay-csv"),
        (["--replay-csv", "x", "--late-rate", "0.1"], "--late-rate does not go with --replay-csv"),
        (["--replay-csv", "x", "--rebase-now", "--speed", "0"], "--rebase-now needs a --speed above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse(options)
    assert exit_.value.code == 2
    assert problem in capsys.readouterr().err
