"""How fast 100,000 dead letters are indexed, mended and sent back through Kafka, and whether the accounts stay exact.

Bronze is written without Spark. The reference is Kafka's: the same records, mended before, sent in one go by the same
client with idempotence and no transaction. The accounts are asked before, after each chunk, and after.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from benchmarks import harness
from benchmarks.controlplane import services
from cli.embedded.environment import PIPELINE, TOPIC

GOAL = 5_000.0  # letters a second
LETTERS = 100_000
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TO_NUMBER = [{"op": "cast", "field": "value", "to": "number"}]


def main() -> int:
    """Exit 0 when the goal is reached, each letter is in the topic once, and the equation held whenever asked."""
    parser = argparse.ArgumentParser(prog="benchmarks.redrive", description=__doc__)
    parser.add_argument("--letters", type=int, default=LETTERS)
    letters = parser.parse_args().letters
    harness.end_cleanly_on_signals()
    before = harness.load_average()
    with services("postgres", "kafka", "redis") as (_, _, env):
        result = _measure(env["PENSTOCK_BOOTSTRAP_SERVERS"], env["PENSTOCK_LAKE"], letters)
    result |= {"load_before": before, "load_after": harness.load_average()}
    exact = result["equation_held"] and result["sent_once"] == letters and result["in_topic"] == letters
    result["reached"] = exact and result["redriven_per_second"] >= GOAL
    harness.report(result)
    return 0 if result["reached"] else 1


def _measure(servers: str, lake: str, letters: int) -> dict[str, Any]:
    from controlplane.deadletters.models import Redrive
    from controlplane.deadletters.services import redrive_request
    from controlplane.ledger.selectors import accounts
    from controlplane.pipelines.services import pipeline_ensure
    from pipeline_workers.deadletters import redriving
    from pipeline_workers.deadletters.indexing import index
    from pipeline_workers.deadletters.recounting import letters_recounted
    from pipeline_workers.deadletters.sender import Sender
    from pipeline_workers.topics import ensure_topics

    ensure_topics(servers, TOPIC, f"{TOPIC}-telemetry")
    pipeline = pipeline_ensure(name=PIPELINE, topic=TOPIC)
    _refuse(lake, pipeline, letters)
    held: list[bool] = []

    def ask() -> None:
        held.append(next(item for item in accounts(PIPELINE)["equations"] if "Dead" in item["name"])["holds"])

    ask()
    began = time.monotonic()
    index(pipeline)
    indexed = time.monotonic() - began
    ask()
    began = time.monotonic()
    made = redrive_request(pipeline=PIPELINE, actor=None, reason="benchmark", mapping=TO_NUMBER)
    claimed = time.monotonic() - began
    asked = 0.0
    send_chunk = redriving._send_chunk

    def sent_and_asked(redrive: Redrive, sender: Sender) -> int:
        nonlocal asked
        count = send_chunk(redrive, sender)
        start = time.monotonic()
        ask()
        asked += time.monotonic() - start
        return count

    redriving._send_chunk = sent_and_asked
    began = time.monotonic()
    while Redrive.objects.get(pk=made.pk).ended_at is None:
        redriving.redrive(made.pk)
    seconds = time.monotonic() - began - asked
    ask()
    began = time.monotonic()
    recount, problems = letters_recounted(pipeline)
    recounted = time.monotonic() - began
    once = _origins(servers)
    return {
        "benchmark": "redrive",
        "letters": letters,
        "indexed_per_second": round(letters / indexed),
        "claim_seconds": round(claimed, 2),
        "redriven_per_second": round(letters / seconds),
        "reference_per_second": round(letters / _reference(servers, letters)),
        "goal_per_second": GOAL,
        "accounts_asked": len(held),
        "accounts_seconds_each": round(asked / max(len(held) - 3, 1), 4),
        "equation_held": all(held),
        "recount_seconds": round(recounted, 2),
        "recount_holds": recount["holds"],
        "recount_problems": problems,
        "in_topic": sum(once.values()),
        "sent_once": sum(count == 1 for count in once.values()),
    }


def _payload(number: int) -> bytes:
    told = {"sensor_id": f"t-{number % 1000}", "sensor_type": "temperature", "timestamp": "2026-03-01T11:59:00+00:00"}
    return json.dumps({**told, "value": "21.5", "unit": "celsius", "location": "floor-1-zone-A"}).encode()


def _refuse(lake: str, pipeline: Any, letters: int) -> None:
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    from controlplane.ledger.services import entries_record
    from controlplane.streaming.models import MicroBatch
    from spark_jobs.contracts import Entry, Measure, Table, sequence
    from spark_jobs.jobs.tables import ensure_tables

    ensure_tables(lake)
    table = DeltaTable(Table.BRONZE.under(lake))
    # Of a partition that the topic does not have: the records to come are then told from these by their place.
    fixed = {"topic": TOPIC, "partition": 7, "kafka_timestamp": AT, "reason": "wrong_type", "key": b"k"}
    fixed |= {"ingest_seq": sequence(1, 0), "disposition": "dead_letter", "ingest_date": AT.date()}
    rows = [{**fixed, "offset": number, "payload": _payload(number)} for number in range(letters)]
    write_deltalake(table, pa.Table.from_pylist(rows, schema=pa.schema(table.schema().to_arrow())), mode="append")
    hour = int(AT.timestamp())
    entries = [Entry(hour, Measure.KAFKA, letters), Entry(hour, Measure.DEAD_LETTER, letters, "wrong_type")]
    entries_record(pipeline=pipeline, query="ingest", generation=1, batch=0, entries=entries)
    MicroBatch.objects.create(
        pipeline=pipeline, query="ingest", generation=1, batch=0, table_version=1, rows_in=letters, committed_at=AT,
        seconds=1.0,
    )  # fmt: skip


def _origins(servers: str) -> Counter[bytes]:
    """How often the topic holds each letter, by the place that its record names."""
    told = {"isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.partition.eof": True}
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "benchmark", **told})
    found: Counter[bytes] = Counter()
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(3)])
    ended = 0
    while ended < 3:
        for message in consumer.consume(10_000, timeout=10):
            if message.error() is None:
                found[dict(message.headers())["penstock-origin"]] += 1
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended += 1
    consumer.close()
    return found


def _reference(servers: str, letters: int) -> float:
    """Seconds."""
    settings = {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 5, "partitioner": "murmur2_random"}
    producer = Producer({"bootstrap.servers": servers, **settings})
    records = [(f"t-{number % 1000}", _payload(number)) for number in range(letters)]
    began = time.monotonic()
    for key, value in records:
        while True:
            try:
                producer.produce(f"{TOPIC}-telemetry", value=value, key=key)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
