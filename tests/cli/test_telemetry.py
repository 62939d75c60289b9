"""What the demo and the readiness checks read from a real Kafka, with a real simulator."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid

import pytest

from cli.embedded import telemetry
from pipeline_workers.topics import ensure_topics

pytestmark = pytest.mark.integration


def test_the_simulator_s_last_word_and_the_first_record_are_found(kafka: str) -> None:
    topic = f"readings-{uuid.uuid4().hex[:8]}"
    ensure_topics(kafka, topic, telemetry.TOPIC)
    began = time.time()
    argv = [sys.executable, "-m", "pipeline_workers.simulator", "--bootstrap-servers", kafka, "--topic", topic]
    argv += ["--max-events", "300", "--rate", "0", "--malformed-rate", "0.1"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    printed = json.loads(process.communicate(timeout=60)[0])

    report = telemetry.final_simulator_report(kafka, seconds=20)
    assert (report.sent, report.failed, report.final) == (300, 0, True)
    assert report.malformed == printed["malformed"] > 0
    assert report.simulator.endswith(f"-{process.pid}"), "readiness knows a simulator by its pid"
    assert began - 1 < telemetry.first_record_at(kafka, topic) < time.time() + 1
