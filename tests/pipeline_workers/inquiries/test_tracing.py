"""A reading is followed to where it is, or to where and why it stopped.

Partition 0, one sensor, a reading a minute: offset 0 is kept, counted and loaded, 1 repeats it, 2 came too late, 3 was
refused, 4 is kept and counted and not loaded, 5 is kept only, 6 is in Bronze, 7 in Kafka.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable

from controlplane.deadletters.models import DeadLetter, DeadLetterGroup, Discard, Redrive
from controlplane.pipelines.models import Pipeline
from controlplane.quality.models import Suite, SuiteEvaluation, SuiteVersion
from controlplane.streaming.models import MicroBatch
from controlplane.warehouse.models import Load, LoadStatus
from pipeline_workers.inquiries.tracing import trace
from pipeline_workers.loaders.postgres import PostgresLoader
from pipeline_workers.topics import ensure_topics
from spark_jobs.contracts import Table, sequence
from tests.lake import NOON, accepted, append

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
SENSOR = "t-1"
LATE = NOON - timedelta(minutes=25)


@pytest.fixture
def told(
    kafka: str, pipeline: Pipeline, warehouse: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Pipeline:
    pipeline.topic = f"trace-{uuid.uuid4().hex[:8]}"
    pipeline.save()
    ensure_topics(kafka, pipeline.topic, f"{pipeline.topic}-telemetry")
    producer = Producer({"bootstrap.servers": kafka})
    for _ in range(8):
        producer.produce(pipeline.topic, b"{}", partition=0)
    assert producer.flush(10) == 0
    lake = str(tmp_path / "lake")
    settings.PENSTOCK = {**settings.PENSTOCK, "lake": lake, "bootstrap_servers": kafka}
    monkeypatch.setenv("PENSTOCK_WAREHOUSE_URL", warehouse)
    PostgresLoader(warehouse).ensure_schema()
    fill(lake, pipeline, warehouse)
    return pipeline


def fill(lake: str, pipeline: Pipeline, warehouse: str) -> None:
    times = {0: NOON, 1: NOON, 2: LATE, **{offset: NOON + timedelta(minutes=offset) for offset in (4, 5, 6)}}
    seq = sequence(1, 3)
    rows = {at: accepted(pipeline.topic, 0, at, SENSOR, when, ingest_seq=seq) for at, when in times.items()}
    dead = {**rows[6], "offset": 3, "disposition": "dead_letter", "reason": "missing_field", "sensor_id": None}
    version = append(lake, Table.BRONZE, [*rows.values(), dead])
    batch(pipeline, "ingest", 3, version)

    def judged(offset: int, number: int, **other: Any) -> dict[str, Any]:
        return {**rows[offset], "refine_seq": sequence(1, number), "event_date": times[offset].date(), **other}

    append(lake, Table.SET_ASIDE, [judged(1, 1, reason="duplicate"), judged(2, 1, reason="deferred")])
    kept = {"job_version": 2, "anomaly_reasons": []}
    append(lake, Table.SILVER, [judged(0, 1, **kept), judged(4, 2, **kept), judged(5, 3, **kept)])
    batch(pipeline, "refine", 1, 1)
    loaded = append(lake, Table.SENSOR_5MIN, [window(1, reached=1)])
    batch(pipeline, "aggregate", 1, loaded)
    DeltaTable(Table.SENSOR_5MIN.under(lake)).delete()
    append(lake, Table.SENSOR_5MIN, [window(2, reached=2)])
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "INSERT INTO fact_sensor_readings (sensor_id, window_start, reading_count) VALUES (%s, %s, 1)",
            (SENSOR, NOON),
        )
        connection.execute(
            "INSERT INTO load_ledger (id, committed_at, gold_version, gold_versions, seqs, windows, rise_by_hour) "
            "VALUES (1, now(), %s, '{}', '{}', 1, '{}')",
            (loaded,),
        )
    Load.objects.create(
        pipeline=pipeline,
        status=LoadStatus.SUCCEEDED,
        committed_at=NOON,
        gold_version=loaded,
        gold_seq=sequence(1, 1),
    )


def window(count: int, reached: int) -> dict[str, Any]:
    return {
        "sensor_id": SENSOR, "window_start": NOON, "window_end": NOON + timedelta(minutes=5), "reading_count": count,
        "gold_seq": sequence(1, reached), "refine_seq": sequence(1, reached), "event_date": NOON.date(),
    }  # fmt: skip


def batch(pipeline: Pipeline, query: str, number: int, version: int) -> None:
    MicroBatch.objects.create(
        pipeline=pipeline, query=query, generation=1, batch=number, table_version=version, rows_in=1, seconds=1.0,
        committed_at=NOON,
    )  # fmt: skip


def letter(pipeline: Pipeline, **other: Any) -> DeadLetter:
    group, _ = DeadLetterGroup.objects.get_or_create(
        pipeline=pipeline, reason="missing_field", shape="{}", fingerprint="f"
    )
    return DeadLetter.objects.create(
        pipeline=pipeline, group=group, topic=pipeline.topic, partition=0, offset=3, ingest_seq=1, kafka_timestamp=NOON,
        reason="missing_field", size=2, **other,
    )  # fmt: skip


def at(pipeline: Pipeline, offset: int) -> dict[str, Any]:
    found = trace(pipeline, {"partition": 0, "offset": offset})
    assert found["problems"] == []
    return found


def path(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["layer"], step["state"]) for step in record["steps"]]


def detail(record: dict[str, Any], layer: str) -> dict[str, Any]:
    return next(step["detail"] for step in record["steps"] if step["layer"] == layer)


THERE = [("kafka", "present"), ("bronze", "present")]


def test_a_reading_in_the_warehouse_is_shown_in_each_layer_with_what_touched_it(told: Pipeline) -> None:
    found = at(told, 0)
    (record,) = found["records"]
    assert path(record) == [*THERE, ("silver", "present"), ("gold", "present"), ("warehouse", "present")]
    assert "the window of t-1 from 2026-03-01 12:00 UTC has 1 readings there" in found["words"]
    bronze = detail(record, "bronze")
    assert (bronze["query"], bronze["generation"], bronze["batch"], bronze["value"]) == ("ingest", 1, 3, 21.5)
    assert detail(record, "bronze")["table_version"] == 1
    assert (detail(record, "silver")["batch"], detail(record, "silver")["version"]) == (1, 2)
    assert detail(record, "warehouse")["load"] is None  # the window has changed since, and no load has that yet


@pytest.mark.parametrize(
    ("offset", "steps", "words"),
    [
        (1, [*THERE, ("silver", "stopped")], "refine set it aside as a duplicate of {topic} partition 0 offset 0"),
        (2, [*THERE, ("silver", "stopped")], "25.0 min behind its sensor's newest; the next batch run over its day "
         "absorbs it"),
        (3, [*THERE, ("dead_letters", "waiting")], "ingest refused it (missing_field); the index has yet to see it"),
        (4, [*THERE, ("silver", "present"), ("gold", "present"), ("warehouse", "waiting")], "waits for the next load"),
        (5, [*THERE, ("silver", "present"), ("gold", "waiting")], "it waits for its window in Gold to count it"),
        (6, [*THERE, ("silver", "waiting")], "it waits for refine, which has not come so far"),
        (7, [("kafka", "present"), ("bronze", "waiting")], "it waits for ingest, which has not come so far"),
        (8, [("kafka", "missing")], "the partition ends before offset 8: nothing came there yet"),
    ],
)  # fmt: skip
def test_one_that_stopped_says_where_and_why(
    told: Pipeline, offset: int, steps: list[tuple[str, str]], words: str
) -> None:
    found = at(told, offset)
    (record,) = found["records"]
    assert path(record) == steps
    assert words.format(topic=told.topic) in found["words"]


def test_a_sensor_and_time_lead_to_all_records_of_it_the_kept_one_first(told: Pipeline) -> None:
    found = trace(told, {"sensor_id": SENSOR, "timestamp": "2026-03-01T13:00:00+01:00"})
    assert [record["offset"] for record in found["records"]] == [0, 1]
    assert [path(record)[-1][1] for record in found["records"]] == ["present", "stopped"]


def test_a_reading_that_nobody_sent_is_in_no_layer(told: Pipeline) -> None:
    found = trace(told, {"sensor_id": "t-2", "timestamp": NOON.isoformat()})
    assert (found["found"], found["records"]) == (False, [])
    assert found["words"] == "no layer has a reading of t-2 at 2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("topic", ["", "another"], ids=["its topic", "another topic"])
def test_a_partition_that_kafka_does_not_have_is_said_to_be_missing(told: Pipeline, topic: str) -> None:
    found = trace(told, {"topic": topic or told.topic, "partition": 99, "offset": 0})
    words = f"Kafka has no partition 99 of {topic or told.topic}"
    words += f"; the pipeline reads {told.topic}" if topic else ""
    assert (found["found"], found["words"]) == (False, words)
    assert path(found["records"][0]) == [("kafka", "missing")]


def test_a_record_of_a_topic_that_the_pipeline_does_not_read_waits_for_nothing(told: Pipeline, kafka: str) -> None:
    other = f"{told.topic}-telemetry"
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(other, b"{}", partition=0)
    assert producer.flush(10) == 0
    (record,) = trace(told, {"topic": other, "partition": 0, "offset": 0})["records"]
    assert path(record) == [("kafka", "present"), ("bronze", "stopped")]
    assert record["steps"][1]["words"] == f"the pipeline reads {told.topic}, and not {other}"


def test_a_letter_that_was_redriven_leads_to_the_record_that_it_became(told: Pipeline) -> None:
    redrive = Redrive.objects.create(pipeline=told, reason="r")
    letter(told, status="redriven", redrive=redrive, sent_partition=0, sent_offset=6)
    first, second = at(told, 3)["records"]
    assert (first["offset"], second["offset"]) == (3, 6)
    assert path(first)[-1] == ("dead_letters", "present")
    assert path(second)[-1] == ("silver", "waiting")


def test_a_letter_that_was_given_up_says_why(told: Pipeline) -> None:
    letter(told, status="discarded", discard=Discard.objects.create(pipeline=told, reason="a test device"))
    assert at(told, 3)["words"].endswith("it was discarded: a test device")


def test_a_late_reading_that_a_run_absorbed_is_in_silver(told: Pipeline, settings: Any) -> None:
    row = accepted(told.topic, 0, 2, SENSOR, LATE, refine_seq=sequence(1, 1), batch_run=7, anomaly_reasons=[])
    append(settings.PENSTOCK["lake"], Table.SILVER, [{**row, "event_date": LATE.date()}])
    (record,) = at(told, 2)["records"]
    assert path(record)[2:] == [("silver", "present"), ("gold", "waiting")]
    assert record["steps"][2]["words"] == "it was deferred, and run 7 absorbed it"


def test_one_that_a_layer_has_lost_is_said_to_be_missing(told: Pipeline, settings: Any) -> None:
    bronze = DeltaTable(Table.BRONZE.under(settings.PENSTOCK["lake"]))
    bronze.delete('"offset" = 2')
    assert path(at(told, 2)["records"][0]) == [("kafka", "present"), ("bronze", "missing")]
    DeltaTable(Table.SILVER.under(settings.PENSTOCK["lake"])).delete('"offset" = 4')
    assert path(at(told, 4)["records"][0])[-1] == ("silver", "missing")


def test_what_retention_took_is_followed_from_silver(told: Pipeline, settings: Any) -> None:
    lake = settings.PENSTOCK["lake"]
    DeltaTable(Table.BRONZE.under(lake)).delete("disposition = 'accepted'")
    (record,) = at(told, 4)["records"]
    assert path(record)[1:3] == [("bronze", "stopped"), ("silver", "present")]
    found = trace(told, {"sensor_id": SENSOR, "timestamp": LATE.isoformat()})
    assert [record["offset"] for record in found["records"]] == [2]


def test_a_side_that_does_not_answer_is_unknown_and_the_others_are_told(
    told: Pipeline, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PENSTOCK = {**settings.PENSTOCK, "bootstrap_servers": "127.0.0.1:1"}
    monkeypatch.setattr("pipeline_workers.inquiries.places.KAFKA_SECONDS", 0.2)
    monkeypatch.setenv("PENSTOCK_WAREHOUSE_URL", "postgresql://nobody@127.0.0.1:1/none")
    (record,) = at(told, 0)["records"]
    states = dict(path(record))
    assert (states["kafka"], states["bronze"], states["warehouse"]) == ("unknown", "present", "unknown")
    assert path(at(told, 7)["records"][0]) == [("kafka", "unknown"), ("bronze", "unknown")]


def test_a_window_that_is_held_back_waits(told: Pipeline, settings: Any, warehouse: str) -> None:
    held = {**window(2, reached=1), "batch_seq": 9}
    DeltaTable(Table.SENSOR_5MIN.under(settings.PENSTOCK["lake"])).delete()
    version = append(settings.PENSTOCK["lake"], Table.SENSOR_5MIN, [held])
    with psycopg.connect(warehouse) as connection:
        connection.execute("UPDATE load_ledger SET gold_version = %s, seqs = '{\"held\": [9]}'", (version,))
    found = at(told, 0)
    assert path(found["records"][0])[-1] == ("warehouse", "waiting")
    assert found["words"].endswith("is held back: the run that made it has not passed its checks")


def test_the_suites_that_looked_at_it_are_named(told: Pipeline) -> None:
    suite = Suite.objects.create(pipeline=told, name="rows")
    version = SuiteVersion.objects.create(suite=suite, number=1, layer="silver", severity="warn", expectations=[])
    spans = {"passed": NOON.replace(hour=0), "failed": NOON + timedelta(days=1)}
    for number, (verdict, start) in enumerate(spans.items()):
        SuiteEvaluation.objects.create(
            suite=suite, version=version, run=number, start=start, end=start + timedelta(days=1), rows=1,
            verdict=verdict, seconds=1.0, evaluated_at=NOON,
        )  # fmt: skip
    (record,) = at(told, 0)["records"]
    assert detail(record, "silver")["checks"] == [{"suite": "rows", "version": 1, "run": 0, "verdict": "passed"}]
    assert detail(record, "bronze")["checks"] == []


def test_a_file_that_a_table_has_lost_is_named(told: Pipeline, settings: Any) -> None:
    silver = Path(Table.SILVER.under(settings.PENSTOCK["lake"]))
    for file in silver.glob("*/*.parquet"):
        file.unlink()
    found = trace(told, {"partition": 0, "offset": 4})
    assert found["problems"][0].startswith("a file of silver/readings with 3 rows is not there: ")
    assert datetime.fromisoformat(detail(found["records"][0], "bronze")["timestamp"]) == NOON + timedelta(minutes=4)
