"""The accounts are recomputed from what is there: balanced, live with pending, and each kind of loss found and located.

Twelve readings of two sensors in partitions 0 and 1, two of them repeated, one deferred, two dead letters.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline_workers.loaders.postgres import PostgresLoader
from pipeline_workers.topics import ensure_topics
from pipeline_workers.verification import verify
from pipeline_workers.verification.errors import KafkaUnreadable, WarehouseUnreadable
from spark_jobs.contracts import Table
from tests.verification.world import NOON, World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(kafka: str, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    name = f"verify_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    warehouse = f"{postgres.rpartition('/')[0]}/{name}"
    PostgresLoader(warehouse).ensure_schema()
    ensure_topics(kafka, name, f"{name}-telemetry")
    made = World(kafka, name, str(tmp_path / "lake"), warehouse)
    monkeypatch.setenv("PENSTOCK_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("PENSTOCK_LAKE", made.lake)
    monkeypatch.setenv("PENSTOCK_WAREHOUSE_URL", warehouse)
    yield made
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settled(world: World) -> World:
    """12 records: partition 0 has offsets 0-6 (2 refused, 5 repeated), partition 1 has 0-4 (3 deferred, 4 refused)."""
    world.deliver(0, 7)
    world.deliver(1, 5)
    world.ingest(0, range(7), refused=(2,))
    world.ingest(1, range(5), refused=(4,))
    world.set_aside(0, 5, "duplicate", 1)
    world.set_aside(1, 3, "deferred", 1)
    world.keep(0, [0, 1, 3, 4, 6], 1, flagged=(4,))
    world.keep(1, [0, 1, 2], 2)
    world.gold(0, 0, 4, 1)
    world.gold(0, 1, 1, 1)
    world.gold(1, 1, 0, None)  # expected and silent
    version = world.gold(1, 0, 3, 2)
    world.load([(0, 0, 4), (0, 1, 1), (1, 0, 3), (1, 1, 0)], version)
    return world


def sides(result: dict[str, Any]) -> list[tuple[int, int, int, bool]]:
    return [(item["left"], item["right"], item["pending"], item["holds"]) for item in result["equations"]]


def test_a_settled_pipeline_balances(settled: World) -> None:
    result = verify("plant")
    assert result["problems"] == []
    assert result["balanced"] is True
    assert sides(result) == [(12, 12, 0, True), (10, 10, 0, True), (8, 8, 0, True), (8, 8, 0, True)]
    expected = {
        "pipeline": "plant", "kafka": 12, "accepted": 10, "dead_letters": 2, "expired": 0, "refined": 10, "silver": 8,
        "duplicates": 1, "deferred": 1, "aggregated": 8, "gold_readings": 8, "warehouse_readings": 8, "anomalies": 1,
        "pending": {"bronze": 0, "silver": 0, "gold": 0}, "dead_letters_by_reason": {"empty": 2},
    }  # fmt: skip
    assert {name: result[name] for name in expected} == expected
    assert settled.topic in result["where"]["kafka"]
    assert result["where"]["silver"] == "silver/readings version 1"
    assert result["where"]["warehouse_readings"] == "fact_sensor_readings, loaded up to Gold version 3"


def test_before_anything_has_happened_all_is_zero_and_balanced(world: World) -> None:
    result = verify("plant")
    assert result["problems"] == []
    assert sides(result) == [(0, 0, 0, True)] * 4
    assert result["where"]["accepted"] == "bronze/readings, not there yet"


def test_a_warehouse_without_its_schema_is_one_that_nothing_was_loaded_into(world: World) -> None:
    with psycopg.connect(world.warehouse) as connection:
        connection.execute("DROP TABLE fact_sensor_readings, load_ledger")
    result = verify("plant")
    assert result["balanced"] is True
    assert result["where"]["warehouse_readings"] == "fact_sensor_readings, never loaded"


def test_a_load_from_before_gold_was_there_names_no_version(world: World) -> None:
    world.load([], None)
    result = verify("plant")
    assert result["balanced"] is True
    assert result["where"]["warehouse_readings"] == "fact_sensor_readings, never loaded"


def test_a_live_pipeline_balances_with_what_is_pending_at_each_stage(settled: World) -> None:
    settled.deliver(0, 6)
    settled.ingest(0, range(7, 12))  # offset 12 is in Kafka only
    settled.keep(0, [7, 8, 9], 3)
    settled.keep(1, [], 4)
    settled.keep(0, [10], 5)
    settled.gold(0, 1, 3, 3)
    result = verify("plant")
    assert result["problems"] == []
    assert result["pending"] == {"bronze": 1, "silver": 1, "gold": 3}
    assert sides(result) == [(17, 17, 0, True), (15, 14, 1, True), (12, 11, 1, True), (11, 8, 3, True)]


def test_what_is_set_aside_waits_for_its_batch_to_reach_silver(settled: World) -> None:
    settled.deliver(0, 2)
    settled.ingest(0, range(7, 9))
    settled.set_aside(0, 8, "duplicate", 3)
    result = verify("plant")
    assert result["problems"] == []
    assert (result["duplicates"], result["pending"]["bronze"]) == (1, 2)
    settled.keep(0, [7], 3)
    result = verify("plant")
    assert (result["problems"], result["duplicates"], result["pending"]["bronze"]) == ([], 2, 0)


def test_a_batch_run_is_followed_from_silver_to_gold(settled: World) -> None:
    settled.absorb(1, 3, 1)
    in_both = verify("plant")
    assert (in_both["problems"], in_both["silver"], in_both["deferred"]) == ([], 9, 0)
    settled.delete(Table.SET_ASIDE, "reason = 'deferred'")
    moved = verify("plant")
    assert (moved["problems"], moved["pending"]["silver"], moved["aggregated"]) == ([], 1, 8)
    settled.fence(1, 0, 4, 2, fence=2)
    counted = verify("plant")
    assert (counted["problems"], counted["pending"]) == ([], {"bronze": 0, "silver": 0, "gold": 1})
    settled.fence(1, 0, 5, 2, fence=2)
    assert any("1 windows differ" in problem for problem in verify("plant")["problems"])


def test_what_a_load_was_told_to_leave_out_waits_and_is_not_lost(settled: World) -> None:
    settled.absorb(1, 3, 1)
    settled.delete(Table.SET_ASIDE, "reason = 'deferred'")
    version = settled.fence(1, 0, 4, 2, fence=2, batch=7)
    settled.load([], version, held=(7,))
    result = verify("plant")
    assert (result["problems"], result["pending"]) == ([], {"bronze": 0, "silver": 0, "gold": 1})
    settled.load([], version)  # which says that it has all of it
    assert any("1 windows differ" in problem for problem in verify("plant")["problems"])


def test_a_batch_run_counts_in_its_windows_what_the_stream_has_yet_to_count(settled: World) -> None:
    settled.deliver(0, 3)
    settled.ingest(0, range(7, 10))
    settled.keep(0, [7, 8], 3)
    settled.keep(0, [9], 4)
    settled.fence(0, 1, 3, 1, fence=3)
    result = verify("plant")
    assert (result["problems"], result["pending"]["silver"], result["gold_readings"]) == ([], 1, 10)


def test_a_batch_that_kept_nothing_is_known_by_its_transaction(settled: World) -> None:
    settled.deliver(0, 1)
    settled.ingest(0, range(7, 8))
    settled.set_aside(0, 7, "duplicate", 3)
    settled.append(Table.SILVER, [], refine_txn=3)
    result = verify("plant")
    assert (result["problems"], result["duplicates"], result["pending"]["bronze"]) == ([], 2, 0)


def test_records_that_retention_took_from_kafka_are_not_compared(settled: World) -> None:
    admin = AdminClient({"bootstrap.servers": settled.servers})
    for future in admin.delete_records([TopicPartition(settled.topic, 0, 3)]).values():
        future.result()
    result = verify("plant")
    assert result["problems"] == []
    assert sides(result)[0] == (9, 9, 0, True)
    assert result["accepted"] == 10
    assert "3 rows of Bronze lie before the log's start" in result["where"]["kafka"]


def test_transaction_markers_and_aborted_records_are_no_loss(world: World) -> None:
    producer = Producer({"bootstrap.servers": world.servers, "transactional.id": world.topic})
    producer.init_transactions(10)
    for commit in (True, False, True):
        producer.begin_transaction()
        producer.produce(world.topic, b"{}", partition=0)
        producer.flush(10)
        (producer.commit_transaction if commit else producer.abort_transaction)(10)
    world.append(Table.BRONZE, [{**world.reading(0, at), "disposition": "accepted"} for at in (0, 4)])
    result = verify("plant")
    assert result["problems"] == []
    assert sides(result)[0] == (2, 2, 0, True)
    assert result["pending"]["bronze"] == 2


def test_what_retention_took_from_bronze_stays_in_the_accounts(settled: World) -> None:
    settled.expire("accepted", (0, 0, 6, 6), (1, 0, 3, 4))
    settled.expire("dead_letter", (0, 2, 2, 1), (1, 4, 4, 1))
    settled.deliver(0, 1)
    settled.ingest(0, range(7, 8))
    result = verify("plant")
    assert result["problems"] == []
    assert sides(result) == [(13, 13, 0, True), (11, 10, 1, True), (8, 8, 0, True), (8, 8, 0, True)]
    found = {name: result[name] for name in ("accepted", "dead_letters", "expired", "refined", "silver")}
    assert found == {"accepted": 11, "dead_letters": 2, "expired": 2, "refined": 10, "silver": 8}
    assert result["dead_letters_by_reason"] == {"empty": 2}


def test_a_bronze_that_retention_emptied_is_compared_with_kafka_all_the_same(settled: World) -> None:
    settled.expire("accepted", (0, 0, 6, 6), (1, 0, 3, 4))
    settled.expire("dead_letter", (0, 2, 2, 1), (1, 4, 4, 1))
    result = verify("plant")
    assert result["problems"] == []
    assert sides(result)[0] == (12, 12, 0, True)


def test_an_expiry_that_did_not_come_to_its_delete_did_not_happen(settled: World) -> None:
    settled.expire("accepted", (0, 0, 6, 6), (1, 0, 3, 4), delete=False)
    result = verify("plant")
    assert result["problems"] == []
    assert sides(result)[:2] == [(12, 12, 0, True), (10, 10, 0, True)]


def test_of_a_range_that_the_start_of_the_log_cuts_nothing_is_compared(settled: World) -> None:
    settled.expire("accepted", (0, 0, 4, 4), (0, 5, 6, 2), (1, 0, 3, 4))
    admin = AdminClient({"bootstrap.servers": settled.servers})
    for future in admin.delete_records([TopicPartition(settled.topic, 0, 2)]).values():
        future.result()
    result = verify("plant")
    assert result["problems"] == []
    assert sides(result)[0] == (7, 7, 0, True)  # offsets 5 and 6 of partition 0, and all of partition 1


def lose_what_retention_did_not_take(world: World) -> None:
    world.expire("accepted", (0, 0, 6, 6), (1, 0, 3, 3))


def lose_a_judgement_of_what_retention_took(world: World) -> None:
    world.expire("accepted", (0, 0, 6, 6), (1, 0, 3, 4))
    lose_in_silver(world)


def lose_in_bronze(world: World) -> None:
    world.delete(Table.BRONZE, 'partition = 1 AND "offset" = 0')


def delete_a_file_of_silver(world: World) -> None:
    world.file(Table.SILVER, 2).unlink()


def cut_a_file_of_silver(world: World) -> None:
    file = world.file(Table.SILVER, 2)
    file.write_bytes(file.read_bytes()[:100])


def delete_a_file_of_gold(world: World) -> None:
    world.file(Table.SENSOR_5MIN, 4).unlink()


def lose_in_silver(world: World) -> None:
    world.delete(Table.SILVER, 'partition = 0 AND "offset" = 3')


def keep_twice(world: World) -> None:
    world.keep(0, [4], 2)


def keep_what_was_set_aside(world: World) -> None:
    world.keep(0, [5], 2)


def keep_a_dead_letter(world: World) -> None:
    world.keep(0, [2], 2)


def keep_one_time_from_two_places(world: World) -> None:
    world.deliver(1, 1)
    world.ingest(1, range(5, 6))
    row = {**world.reading(1, 5), "timestamp": NOON, "refine_seq": 2}
    world.append(Table.SILVER, [row])


def ingest_twice(world: World) -> None:
    world.ingest(1, range(1, 2))


def ingest_what_never_came(world: World) -> None:
    world.append(Table.BRONZE, [{**world.place(1, 9), "disposition": "dead_letter", "reason": "empty"}])


def count_too_little_in_gold(world: World) -> None:
    world.delete(Table.SENSOR_5MIN, "sensor_id = 'sensor-0' AND reading_count = 1")


def add_a_fact(world: World) -> None:
    world.load([(1, 7, 2)], 3)


def move_a_reading_between_facts(world: World) -> None:
    with psycopg.connect(world.warehouse) as connection:
        connection.execute("UPDATE fact_sensor_readings SET reading_count = 3 WHERE reading_count = 4")
        connection.execute("UPDATE fact_sensor_readings SET reading_count = 2 WHERE reading_count = 1")


def load_from_a_version_that_is_not_there(world: World) -> None:
    world.load([], 99)


@pytest.mark.parametrize(
    ("harm", "broken", "located"),
    [
        (lose_in_bronze, {0, 1}, "1 Kafka records are not in bronze/readings: {topic} partition 1 offset 0"),
        (lose_what_retention_did_not_take, {0, 1}, "retention took 3 records of {topic} partition 1 from "
         "bronze/readings, and 4 are missing there"),
        (lose_a_judgement_of_what_retention_took, {1, 2}, "retention took 10 accepted readings from bronze/readings, "
         "and 9 of their places are in silver/readings and silver/set_aside"),
        (lose_in_silver, {1, 2}, "1 accepted readings are neither in silver/readings nor in silver/set_aside: "
         "{topic} partition 0 offset 3"),
        (lose_in_silver, {1, 2}, "1 windows differ between silver/readings and gold/sensor_5min: "
         "sensor-0 at 2026-11-23T12:00Z: 3 in silver/readings, 4 in gold/sensor_5min"),
        (delete_a_file_of_silver, {1, 2}, "a file of silver/readings with 3 rows is not there: event_date=2026-11-23/"),
        (delete_a_file_of_silver, {1, 2}, "3 accepted readings are neither in silver/readings nor in "
         "silver/set_aside: {topic} partition 1 offset 0-2"),
        (cut_a_file_of_silver, {1, 2}, "a file of silver/readings with 3 rows is not as long as it was written: "),
        (delete_a_file_of_gold, {3}, "a file of gold/sensor_5min with 1 rows is not there: "),
        (keep_twice, {1, 2}, "1 records are more than once in silver/readings and silver/set_aside: "
         "{topic} partition 0 offset 4"),
        (keep_twice, {1, 2}, "1 readings are more than once in silver/readings by sensor and time: "
         "sensor-0 at 2026-11-23T12:04:00.000000Z"),
        (keep_what_was_set_aside, {1, 2}, "1 records are more than once in silver/readings and silver/set_aside: "
         "{topic} partition 0 offset 5"),
        (keep_a_dead_letter, {1, 2}, "1 records of silver/readings and silver/set_aside are not accepted in "
         "bronze/readings: {topic} partition 0 offset 2"),
        (keep_one_time_from_two_places, {1, 2}, "1 readings are more than once in silver/readings by sensor and time: "
         "sensor-1 at 2026-11-23T12:00:00.000000Z"),
        (ingest_twice, {0, 1}, "1 records are more than once in bronze/readings: {topic} partition 1 offset 1"),
        (ingest_what_never_came, {0}, "1 rows of bronze/readings are not in Kafka: {topic} partition 1 offset 9"),
        (count_too_little_in_gold, {2, 3}, "sensor-0 at 2026-11-23T12:05Z: 1 in silver/readings, "
         "0 in gold/sensor_5min"),
        (add_a_fact, {3}, "1 windows differ between gold/sensor_5min and the warehouse: "
         "sensor-1 at 2026-11-23T12:35Z: 0 in gold/sensor_5min, 2 in the warehouse"),
        (move_a_reading_between_facts, {3}, "2 windows differ between gold/sensor_5min and the warehouse: "
         "sensor-0 at 2026-11-23T12:00Z: 4 in gold/sensor_5min, 3 in the warehouse; "
         "sensor-0 at 2026-11-23T12:05Z: 1 in gold/sensor_5min, 2 in the warehouse"),
        (load_from_a_version_that_is_not_there, {3}, "the warehouse was loaded from version 99 of gold/sensor_5min, "
         "which is not there"),
    ],
)  # fmt: skip
def test_an_imbalance_is_found_and_located(
    settled: World, harm: Callable[[World], None], broken: set[int], located: str
) -> None:
    harm(settled)
    result = verify("plant")
    assert result["balanced"] is False
    assert {number for number, item in enumerate(result["equations"]) if not item["holds"]} == broken
    wanted = located.format(topic=settled.topic)
    assert any(wanted in problem for problem in result["problems"]), result["problems"]


def test_a_side_that_cannot_be_counted_is_an_error_and_no_imbalance(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline_workers.verification.kafka.TIMEOUT_SECONDS", 2.0)
    monkeypatch.setenv("PENSTOCK_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    with pytest.raises(KafkaUnreadable, match=r"at 127\.0\.0\.1:1"):
        verify("plant")
    monkeypatch.setenv("PENSTOCK_WAREHOUSE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    with pytest.raises(WarehouseUnreadable, match="the warehouse cannot be read"):
        verify("plant")
