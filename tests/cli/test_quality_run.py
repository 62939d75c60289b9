"""Suites on a whole stack: evaluated by real Spark applications, and a load held back until what broke is mended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.cli.standins import until
from tests.faults import hurting
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
RULE = {"layer": "silver", "severity": "hold", "expectations": [
    {"type": "expect_column_values_to_be_between", "arguments": {"column": "value", "max_value": -1000}},
]}  # fmt: skip

LATE = 200


@pytest.fixture(scope="module")
def running(stack: Stack) -> Stack:
    stack.up()
    until(lambda: stack.status()["figures"]["accounts"]["warehouse_readings"] > 500, 180)
    return stack


def told(stack: Stack, *argv: str, code: int = 0) -> Any:
    done = stack.penstock(*argv, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


def verdicts(stack: Stack) -> dict[str, str | None]:
    return {item["name"]: item["verdict"] for item in told(stack, "quality", "suites")["results"]}


def test_a_run_that_a_suite_holds_is_not_loaded_until_it_passes(running: Stack, tmp_path: Path) -> None:
    """The stream goes on meanwhile, and the accounts balance throughout."""
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE), encoding="utf-8")
    assert told(running, "quality", "save", "rule", "--file", str(file))["version"] == 1
    began = datetime.now(UTC) - timedelta(minutes=30)
    send_late(running, began)
    days = ("--from", began.date().isoformat(), "--to", datetime.now(UTC).date().isoformat())
    held = told(running, "runs", "trigger", "daily", *days, "--follow", code=1)
    assert held["state"] == "failed"
    assert "rule" in held["cause"]
    found = verdicts(running)
    assert (found["rule"], found["bronze"], found["silver"], found["gold"]) == ("failed", "passed", "passed", "passed")
    (evaluation,) = told(running, "quality", "results", "--suite", "rule")["results"]
    (result,) = told(running, "quality", "result", str(evaluation["id"]))["results"]
    assert result["unexpected"] == evaluation["rows"] > 0
    assert len(result["samples"]) == 5
    assert open_incidents(running) == ["pipeline/plant/suite/rule"]
    waiting = told(running, "ledger", "show")
    assert waiting["balanced"]
    assert waiting["pending"]["gold"] >= LATE
    assert told(running, "ledger", "verify")["problems"] == []

    assert running.penstock("quality", "disable", "rule", "--reason", "it was for a test").returncode == 0
    done = told(running, "runs", "retry", str(held["id"]), "--follow")
    assert done["state"] == "succeeded"
    until(lambda: told(running, "ledger", "show")["pending"]["gold"] < LATE, 60)
    assert told(running, "ledger", "verify")["problems"] == []
    assert open_incidents(running) == []


def test_the_newest_hours_are_evaluated_on_demand(running: Stack) -> None:
    done = told(running, "quality", "evaluate", "--hours", "2", "--follow")
    assert (done["kind"], done["state"]) == ("quality", "succeeded")
    rates = {item["layer"]: item["rate"] for item in told(running, "quality", "rate")["days"]}
    assert rates.keys() == {"bronze", "silver", "gold"}
    assert (rates["bronze"], rates["gold"]) == (1.0, 1.0)  # of Silver there was a rule that nothing can follow


def send_late(stack: Stack, began: datetime) -> None:
    """Readings of a sensor of which the last LATE are deferred, for a run to absorb."""
    sensor = "late-1"
    times = [began + timedelta(minutes=20), *(began + timedelta(seconds=number) for number in range(LATE))]
    servers = hurting.environment_of(stack)["PENSTOCK_BOOTSTRAP_SERVERS"]
    producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2_random"})
    for at in times:
        row = {"sensor_id": sensor, "sensor_type": "temperature", "timestamp": at.isoformat(), "value": 21.5}
        producer.produce("sensor-events", json.dumps(row | {"unit": "celsius", "location": "floor-1"}), key=sensor)
    assert producer.flush(30) == 0
    until(lambda: told(stack, "ledger", "show")["deferred"] >= LATE, 120)


def open_incidents(stack: Stack) -> list[str]:
    query = "SELECT object FROM alerts_incident WHERE kind = 'quality_failed' AND cleared_at IS NULL"
    return [row["object"] for row in hurting.rows(stack, query)]
