"""The real driver on a real Kafka, killed for real."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from spark_jobs.contracts import BatchCommitted, ContinuousArguments, Table, parse_message
from spark_jobs.jobs.continuous import check_topic, main

pytestmark = pytest.mark.integration
SENSORS = 6


class Feed:
    """Sends readings, some twice, some late, some rubbish, and knows how many of each."""

    def __init__(self, arguments: ContinuousArguments) -> None:
        self._topic, self._dice = arguments.topic, random.Random(2)
        self._producer = Producer(
            {"bootstrap.servers": arguments.bootstrap_servers, "partitioner": "murmur2_random", "linger.ms": 20}
        )
        self._clock = datetime.now(UTC) - timedelta(hours=2)
        self.sent: Counter[str] = Counter()

    def send(self, records: int) -> None:
        last: dict[str, bytes] = {}
        for number in range(records):
            sensor = f"t-{number % SENSORS}"
            self._clock += timedelta(milliseconds=250)
            chance, kind, at = self._dice.random(), "kept", self._clock
            if chance < 0.02:
                kind = "rubbish"
            elif chance < 0.05 and sensor in last:
                kind = "duplicate"
            elif chance < 0.07 and sensor in last:
                kind, at = "deferred", self._clock - timedelta(minutes=self._dice.uniform(11, 50))
            payload = (
                last.get(sensor, b"")
                if kind == "duplicate"
                else b"rubbish"
                if kind == "rubbish"
                else _payload(sensor, at)
            )
            if kind == "kept":
                last[sensor] = payload
            self._producer.produce(self._topic, payload, key=sensor)
            self.sent[kind] += 1
        assert self._producer.flush(60) == 0

    @property
    def records(self) -> int:
        return self.sent.total()


def _payload(sensor: str, at: datetime) -> bytes:
    text = f'"timestamp":"{at.isoformat()}","value":20.5,"unit":"celsius","location":"floor-1-zone-A"'
    return f'{{"sensor_id":"{sensor}","sensor_type":"temperature",{text}}}'.encode()


@contextmanager
def driver(arguments: ContinuousArguments, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    path = log.parent / "arguments.json"
    path.write_text(arguments.to_json())
    with log.open("ab") as output:
        argv = [sys.executable, "-m", "spark_jobs.jobs.continuous", str(path)]
        process = subprocess.Popen(argv, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def rows(arguments: ContinuousArguments, table: Table) -> int:
    try:
        return int(DeltaTable(table.under(arguments.lake)).to_pyarrow_dataset().count_rows())
    except (TableNotFoundError, OSError):
        return 0


def readings_in(arguments: ContinuousArguments, table: Table) -> int:
    try:
        found = DeltaTable(table.under(arguments.lake)).to_pyarrow_dataset().to_table(columns=["reading_count"])
    except (TableNotFoundError, OSError):
        return 0
    return int(pc.sum(found["reading_count"]).as_py() or 0)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, f"it did not happen: {log.read_text()[-3000:]}"
        time.sleep(0.1)


def ledger(arguments: ContinuousArguments) -> Counter[str]:
    """What the drivers told, each batch once."""
    settings = {"bootstrap.servers": arguments.bootstrap_servers, "group.id": "test", "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "enable.auto.commit": False})
    consumer.subscribe([arguments.telemetry_topic])
    told: dict[tuple[object, ...], int] = {}
    quiet = time.monotonic() + 15
    while time.monotonic() < quiet:
        record = consumer.poll(0.5)
        if record is None or record.error():
            continue
        quiet = time.monotonic() + 3
        message = parse_message(record.value() or b"")
        if isinstance(message, BatchCommitted):
            for entry in message.entries:
                key = (message.query, message.generation, message.batch, entry.hour, entry.measure, entry.detail)
                told[key] = entry.count
    consumer.close()
    totals: Counter[str] = Counter()
    for key, count in told.items():
        totals[str(key[4])] += count
    return totals


@pytest.mark.fault(2, "newest commits of the checkpoint removed, as if killed before them")
@pytest.mark.fault(11, "a second driver on the checkpoint of one that runs")
def test_a_driver_killed_in_its_batches_and_behind_its_commits_loses_and_doubles_nothing(
    arguments: ContinuousArguments, tmp_path: Path
) -> None:
    log, feed = tmp_path / "driver.log", Feed(arguments)
    arguments = replace(arguments, max_offsets_per_trigger=1500)
    feed.send(4000)
    with driver(arguments, log) as first:
        wait_for(lambda: rows(arguments, Table.BRONZE) >= 3000, first, log)
        first.send_signal(signal.SIGKILL)
        first.wait()
    feed.send(2000)
    with driver(arguments, log) as second:
        wait_for(lambda: rows(arguments, Table.SILVER) > 0, second, log)
        second.send_signal(signal.SIGKILL)
        second.wait()

    def all_in_gold() -> bool:
        return readings_in(arguments, Table.SENSOR_5MIN) >= feed.sent["kept"]

    with driver(arguments, log) as third:
        wait_for(all_in_gold, third, log)
        with driver(replace(arguments, run_tag="other"), tmp_path / "other.log") as other:
            assert other.wait(30) == 3
        assert "another driver holds" in (tmp_path / "other.log").read_text().splitlines()[-1]
        third.terminate()
        assert third.wait(60) == 0, log.read_text()[-3000:]
    for query in ("ingest", "refine", "aggregate"):  # as if it had died between the sink's commit and the checkpoint's
        commits = Path(arguments.checkpoint) / query / "commits"
        last = max((item for item in commits.iterdir() if item.name.isdigit()), key=lambda item: int(item.name))
        last.unlink()
        last.with_name(f".{last.name}.crc").unlink(missing_ok=True)
    feed.send(500)
    with driver(arguments, log) as fourth:
        wait_for(all_in_gold, fourth, log)
        fourth.terminate()
        assert fourth.wait(60) == 0, log.read_text()[-3000:]

    bronze = DeltaTable(Table.BRONZE.under(arguments.lake)).to_pyarrow_table(
        columns=["disposition", "partition", "offset"]
    )
    assert bronze.num_rows == feed.records
    assert bronze.group_by(["partition", "offset"]).aggregate([]).num_rows == feed.records
    silver = DeltaTable(Table.SILVER.under(arguments.lake)).to_pyarrow_table(columns=["sensor_id", "timestamp"])
    assert silver.num_rows == feed.sent["kept"]
    assert silver.group_by(["sensor_id", "timestamp"]).aggregate([]).num_rows == feed.sent["kept"]
    aside = DeltaTable(Table.SET_ASIDE.under(arguments.lake)).to_pyarrow_table(columns=["reason"])
    reasons = {item["values"]: item["counts"] for item in aside["reason"].value_counts().to_pylist()}
    assert reasons == {"duplicate": feed.sent["duplicate"], "deferred": feed.sent["deferred"]}
    for table in (Table.SENSOR_5MIN, Table.LOCATION_HOURLY, Table.DAILY_SUMMARY):
        assert readings_in(arguments, table) == feed.sent["kept"], table
    told = ledger(arguments)
    kept, accepted = feed.sent["kept"], feed.records - feed.sent["rubbish"]
    wanted = {"kafka": feed.records, "accepted": accepted, "refined": accepted, "dead_letter": feed.sent["rubbish"]}
    wanted |= {"kept": kept, "silver": kept, "aggregated": kept, "gold": kept}
    wanted |= {name: feed.sent[name] for name in ("duplicate", "deferred")}
    assert {name: told[name] for name in wanted} == wanted


@pytest.mark.fault(14, "the disk under the lake is full")
def test_a_full_disk_ends_the_driver_with_its_cause_and_it_goes_on_when_there_is_room(
    arguments: ContinuousArguments, small_disk: Path, tmp_path: Path
) -> None:
    log, feed = tmp_path / "driver.log", Feed(arguments)
    arguments = replace(arguments, lake=str(small_disk / "lake"))
    feed.send(500)
    ballast = small_disk / "ballast"

    def fill() -> None:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)

    with driver(arguments, log) as full:
        wait_for(lambda: readings_in(arguments, Table.SENSOR_5MIN) >= feed.sent["kept"], full, log)
        fill()
        feed.send(500)
        assert full.wait(120) == 1
    assert "No space left" in log.read_text().splitlines()[-1]
    ballast.unlink()
    with driver(arguments, log) as roomy:
        wait_for(lambda: readings_in(arguments, Table.DAILY_SUMMARY) >= feed.sent["kept"], roomy, log)
        roomy.terminate()
        assert roomy.wait(60) == 0, log.read_text()[-3000:]
    assert rows(arguments, Table.BRONZE) == feed.records
    assert rows(arguments, Table.SILVER) == readings_in(arguments, Table.SENSOR_5MIN) == feed.sent["kept"]


@pytest.mark.parametrize("text", ["{}", "not json", '{"shell": 1}'])
def test_unusable_arguments_end_with_one_line(text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "arguments.json"
    path.write_text(text)
    assert main(["continuous", str(path)]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_topic_made_anew_is_refused(arguments: ContinuousArguments, capfd: pytest.CaptureFixture[str]) -> None:
    Path(arguments.checkpoint).mkdir(parents=True)
    check_topic(arguments)
    admin = AdminClient({"bootstrap.servers": arguments.bootstrap_servers})
    admin.delete_topics([arguments.topic])[arguments.topic].result(30)
    until = time.monotonic() + 30
    while arguments.topic in admin.list_topics(timeout=10).topics:
        assert time.monotonic() < until
        time.sleep(0.1)
    admin.create_topics([NewTopic(arguments.topic, 3, 1)])[arguments.topic].result(30)
    while arguments.topic not in admin.list_topics(timeout=10).topics:
        assert time.monotonic() < until
        time.sleep(0.1)
    path = Path(arguments.checkpoint) / "arguments.json"
    path.write_text(arguments.to_json())
    assert main(["continuous", str(path)]) == 4
    assert "made anew" in capfd.readouterr().err
