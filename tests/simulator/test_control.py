"""A controlled simulator against a real broker: it stops sending when told, and goes on from where time is by then."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from pipeline_workers.topics import ensure_topics
from spark_jobs.contracts import SimulatorActivity, SimulatorCommand, SimulatorReport, parse_message
from tests.pipeline_workers.test_postgres_loader import wait_for
from tests.simulator.test_simulator import ROOT, argv, messages

pytestmark = pytest.mark.integration
RATE = 200


class Bench:
    """A simulator's topics, what it reports, and commands to it."""

    def __init__(self, servers: str) -> None:
        name = uuid.uuid4().hex[:8]
        self.servers, self.topic, self.telemetry = servers, f"readings-{name}", f"telemetry-{name}"
        self.control = f"control-{name}"
        ensure_topics(servers, self.topic, self.telemetry, self.control)
        self.reports: list[SimulatorReport] = []
        self._producer = Producer({"bootstrap.servers": servers})
        self._consumer = Consumer({"bootstrap.servers": servers, "group.id": name, "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(self.telemetry, 0, OFFSET_BEGINNING)])

    def command(self, desired: SimulatorActivity, pipeline: str = "plant") -> None:
        command = SimulatorCommand(pipeline=pipeline, at=time.time(), desired=desired)
        self._producer.produce(self.control, command.to_json(), key=pipeline)
        assert self._producer.flush(10) == 0

    def close(self) -> None:
        self._consumer.close()

    def last(self) -> SimulatorReport | None:
        while (message := self._consumer.poll(0.1)) is not None:
            report = parse_message(message.value() or b"")
            assert isinstance(report, SimulatorReport)
            self.reports.append(report)
        return self.reports[-1] if self.reports else None

    def await_report(self, state: SimulatorActivity, sent_over: int = -1) -> SimulatorReport:
        """The first report from now on that says so."""
        self.last()
        known = len(self.reports)

        def found() -> list[SimulatorReport]:
            self.last()
            return [item for item in self.reports[known:] if item.state == state and item.sent > sent_over]

        wait_for(found)
        return found()[0]

    @contextmanager
    def simulator(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        command = argv((self.servers, self.topic, self.telemetry), "--control-topic", self.control, *options)
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def bench(kafka: str) -> Iterator[Bench]:
    made = Bench(kafka)
    yield made
    made.close()


def event_times(bench: Bench) -> list[float]:
    found = messages(bench.servers, bench.topic)
    return sorted(datetime.fromisoformat(json.loads(item.value())["timestamp"]).timestamp() for item in found)


def test_a_paused_simulator_sends_nothing_goes_on_reporting_and_makes_up_for_no_time(bench: Bench) -> None:
    with bench.simulator("--controlled", "--rate", str(RATE)) as process:
        bench.await_report(SimulatorActivity.RUNNING, sent_over=0)
        bench.command(SimulatorActivity.PAUSED)
        first = bench.await_report(SimulatorActivity.PAUSED)
        second = bench.await_report(SimulatorActivity.PAUSED)
        assert second.sent == first.sent
        bench.command(SimulatorActivity.RUNNING)
        resumed = time.time()
        third = bench.await_report(SimulatorActivity.RUNNING, sent_over=second.sent)
        process.terminate()
        told = json.loads(process.communicate(timeout=20)[0])
    wait_for(lambda: (report := bench.last()) and report.state == SimulatorActivity.FINISHED)
    assert bench.reports[-1].sent == told["sent"]
    times = event_times(bench)
    assert len(times) == told["sent"]
    # Not one event of the pause, then or afterwards; and after it no more than the rate allows.
    assert not [moment for moment in times if first.at < moment < resumed]
    assert third.sent - second.sent <= (third.at - resumed + 0.5) * RATE


def test_a_simulator_that_starts_while_its_pipeline_is_paused_sends_nothing(bench: Bench) -> None:
    bench.command(SimulatorActivity.RUNNING)
    bench.command(SimulatorActivity.PAUSED)
    bench.command(SimulatorActivity.RUNNING, pipeline="another")
    with bench.simulator("--controlled", "--rate", "0"):
        assert bench.await_report(SimulatorActivity.PAUSED).sent == 0
        bench.command(SimulatorActivity.RUNNING)
        assert bench.await_report(SimulatorActivity.RUNNING, sent_over=0)


def test_a_paused_simulator_ends_when_it_is_stopped(bench: Bench) -> None:
    bench.command(SimulatorActivity.PAUSED)
    with bench.simulator("--controlled") as process:
        bench.await_report(SimulatorActivity.PAUSED)
        process.terminate()
        assert process.wait(20) == 0


def test_without_controlled_nobody_pauses_it(bench: Bench) -> None:
    bench.command(SimulatorActivity.PAUSED)
    with bench.simulator("--max-events", "50", "--rate", "0") as process:
        assert json.loads(process.communicate(timeout=30)[0])["sent"] == 50


def test_what_is_no_command_is_passed_over(bench: Bench) -> None:
    producer = Producer({"bootstrap.servers": bench.servers})
    producer.produce(bench.control, b"not a command", key="plant")
    assert producer.flush(10) == 0
    with bench.simulator("--controlled"):
        assert bench.await_report(SimulatorActivity.RUNNING, sent_over=0)
