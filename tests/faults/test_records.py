"""Bad records on a whole stack: each to its place, mended, sent back, followed; and harm to what is stored, found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.dataset as ds
import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable

from pipeline_workers.simulator.malformed import SPOILERS
from spark_jobs.contracts import DeadLetterReason, Table
from tests.cli.standins import until
from tests.faults import hurting
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
Note = Callable[[str, object], None]
WITNESS = "witness-1"
FAR = timedelta(days=3)


@pytest.fixture(scope="module")
def sent(stack: Stack) -> Counter[str]:
    """What was sent, by the reason that ingest must have, and `good`, `duplicate` and `deferred` of one sensor."""
    stack.up()
    producer = Producer({"bootstrap.servers": hurting.environment_of(stack)["PENSTOCK_BOOTSTRAP_SERVERS"],
                         "message.max.bytes": 4 * 1024 * 1024, "partitioner": "murmur2_random"})  # fmt: skip
    began = datetime.now(UTC) - timedelta(minutes=30)
    expected: Counter[str] = Counter()

    def good(minutes: float) -> None:
        producer.produce("sensor-events", json.dumps(reading(WITNESS, began + timedelta(minutes=minutes))), key=WITNESS)

    for minute in range(20):
        good(minute)
    for reason, spoilers in SPOILERS.items():
        for number, spoil in enumerate(spoilers):
            sensor = f"bad-{reason}-{number}"
            key = "another" if reason == DeadLetterReason.WRONG_KEY else sensor
            producer.produce("sensor-events", spoil(reading(sensor, datetime.now(UTC))), key=key)
            expected[str(reason)] += 1
    # A clock that is days ahead must not make the sensor's later readings late.
    producer.produce("sensor-events", json.dumps(reading(WITNESS, datetime.now(UTC) + FAR)), key=WITNESS)
    expected[str(DeadLetterReason.FUTURE_TIMESTAMP)] += 1
    for minute in (19, 19, 20, 21, 3.5):  # one that is frozen, two that go on, one that is late
        good(minute)
    expected |= {"good": 22, "duplicate": 2, "deferred": 1}
    assert producer.flush(30) == 0
    return expected


def reading(sensor: str, at: datetime) -> dict[str, object]:
    return {
        "sensor_id": sensor, "sensor_type": "temperature", "timestamp": at.isoformat(), "value": 21.5,
        "unit": "celsius", "location": "floor-1-zone-A",
    }  # fmt: skip


def told(stack: Stack, *argv: str) -> Any:
    done = stack.penstock(*argv, "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def letters(stack: Stack) -> Counter[str]:
    """Dead letters of Bronze by reason."""
    rows = stack.lake(Table.BRONZE).to_table(columns=["reason"], filter=ds.field("disposition") == "dead_letter")
    return Counter(rows["reason"].to_pylist())


@pytest.mark.fault(18, "records skewed, frozen, repeated, malformed, of 1 MiB, not UTF-8, deeply nested, NaN, late")
def test_each_bad_record_has_its_place_and_reason_and_moves_no_watermark(stack: Stack, sent: Counter[str]) -> None:
    reasons = {str(reason): sent[str(reason)] for reason in DeadLetterReason}
    until(lambda: letters(stack).total() >= sum(reasons.values()), 120)
    assert letters(stack) == reasons

    def judged() -> Counter[str]:
        of_witness = ds.field("sensor_id") == WITNESS
        aside = stack.lake(Table.SET_ASIDE).to_table(columns=["reason"], filter=of_witness)["reason"].to_pylist()
        return Counter([*aside, *(["good"] * stack.lake(Table.SILVER).count_rows(filter=of_witness))])

    until(lambda: judged().total() == 25, 120)
    assert judged() == {name: sent[name] for name in ("good", "duplicate", "deferred")}


def test_letters_are_grouped_mended_and_sent_back_and_the_ledger_follows_them(
    stack: Stack, sent: Counter[str], tmp_path: Path
) -> None:
    wrong = str(DeadLetterReason.WRONG_TYPE)

    def groups() -> list[dict[str, Any]]:
        return [item for item in told(stack, "dead-letters", "groups")["results"] if item["reason"] == wrong]

    until(lambda: sum(item["counts"]["open"] for item in groups()) == sent[wrong], 60)
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps([{"op": "cast", "field": "value", "to": "number"}]), encoding="utf-8")
    selected = ("--refused-as", wrong, "--mapping", str(mapping))
    dry = told(stack, "dead-letters", "mend", *selected, "--dry-run")
    assert (dry["letters"], dry["would_pass"]) == (sent[wrong], 1)  # the text; a unit of 7 stays one
    done = told(stack, "dead-letters", "redrive", *selected, "--reason", "firmware 7", "--follow")
    assert (done["state"], done["sent"], done["left"]) == ("succeeded", 1, sent[wrong] - 1)
    (letter,) = told(stack, "dead-letters", "list", "--status", "redriven")["results"]
    place = ("--partition", str(letter["partition"]), "--offset", str(letter["offset"]))

    def followed() -> list[str]:
        return [step["state"] for step in told(stack, "trace", *place)["records"][-1]["steps"]]

    until(lambda: followed() == ["present"] * 5, 120)
    first, second = told(stack, "trace", *place)["records"]
    assert first["steps"][-1]["detail"]["sent_to"]["offset"] == second["offset"]
    assert second["steps"][1]["detail"]["redrive"] == str(done["id"])
    until(lambda: told(stack, "dead-letters", "redrives", "show", str(done["id"]))["outcome"]["kept"] == 1, 60)
    assert stack.penstock("ledger", "verify").returncode == 0


def test_a_deleted_file_and_an_added_row_are_found_located_and_told_until_they_are_mended(
    stack: Stack, sent: Counter[str], tmp_path: Path
) -> None:
    silver = DeltaTable(Table.SILVER.under(str(stack.home.lake)))
    file = max((Path(uri.removeprefix("file://")) for uri in silver.file_uris()), key=lambda path: path.stat().st_size)
    kept = file.rename(tmp_path / file.name)
    try:
        found = problems(stack)
        assert any(text.startswith("a file of silver/readings with") and file.name in text for text in found)
        assert any("are neither in silver/readings nor in silver/set_aside: sensor-events" in text for text in found)
        assert file.name in incident(stack)["cause"]
    finally:
        kept.rename(file)
    with psycopg.connect(hurting.environment_of(stack)["PENSTOCK_WAREHOUSE_URL"], autocommit=True) as warehouse:
        at = datetime(2020, 1, 1, tzinfo=UTC)
        row = ("nobody", at, 7)
        warehouse.execute(
            "INSERT INTO fact_sensor_readings (sensor_id, window_start, reading_count) VALUES (%s, %s, %s)", row
        )
        (problem,) = [text for text in problems(stack) if "windows differ" in text]
        assert "nobody at 2020-01-01T00:00Z: 0 in gold/sensor_5min, 7 in the warehouse" in problem
        warehouse.execute("DELETE FROM fact_sensor_readings WHERE sensor_id = 'nobody'")
    assert stack.penstock("ledger", "verify").returncode == 0
    assert incident(stack)["cleared_at"] is not None


def problems(stack: Stack) -> list[str]:
    done = stack.penstock("ledger", "verify", "--json")
    assert done.returncode == 1
    return list(json.loads(done.stdout)["problems"])


def incident(stack: Stack) -> dict[str, Any]:
    query = "SELECT cause, cleared_at FROM alerts_incident WHERE object = %s ORDER BY id DESC"
    return hurting.rows(stack, query, "pipeline/plant/ledger/recount")[0]
