from __future__ import annotations

from dataclasses import replace

import pytest

from controlplane.deadletters.models import IndexMark
from controlplane.ledger.models import LedgerEntry
from controlplane.ledger.selectors import absorbed_waiting, accounts
from controlplane.ledger.services import load_record
from controlplane.pipelines.models import Pipeline
from controlplane.sensors.models import Sensor, SensorType
from controlplane.streaming.models import MicroBatch
from controlplane.telemetry.models import ConsumedOffset, Rollup
from controlplane.telemetry.selectors import figures
from controlplane.telemetry.services import messages_take
from controlplane.warehouse.models import Load, LoadStatus
from controlplane.warehouse.services import load_finish, load_request, load_start, weighted_quantiles
from spark_jobs.contracts import EXPIRE, BatchCommitted, Entry, IngestProgress, Message, SensorSeen, sequence

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
HOUR = 3600 * 500_000


def batch(query: str, *entries: tuple[str, int], number: int = 0, detail: str = "") -> BatchCommitted:
    rows = tuple(Entry(HOUR, measure, count, detail if measure == "dead_letter" else "") for measure, count in entries)
    times = (float(HOUR),) * 101 if query == "aggregate" else ()
    return BatchCommitted(
        pipeline="plant",
        at=HOUR + 9.0,
        query=query,
        generation=1,
        batch=number,
        rows_in=1,
        entries=rows,
        event_times=times,
    )


INGEST = batch("ingest", ("kafka", 10), ("accepted", 9), ("dead_letter", 1), detail="empty")
REFINE = batch("refine", ("refined", 9), ("kept", 6), ("silver", 6), ("duplicate", 2), ("deferred", 1))
AGGREGATE = batch("aggregate", ("aggregated", 6), ("gold", 6))


def take(*messages: Message, offset: int = 1) -> None:
    messages_take(topic="telemetry", messages=messages, offsets={0: offset})


def test_what_a_layer_has_not_taken_yet_is_pending_and_the_accounts_balance(pipeline: Pipeline) -> None:
    take(INGEST)
    assert accounts("plant")["pending"] == {"bronze": 9, "silver": 0, "gold": 0}
    take(REFINE)
    assert accounts("plant")["pending"] == {"bronze": 0, "silver": 6, "gold": 0}
    take(AGGREGATE)
    found = accounts("plant")
    assert found["pending"] == {"bronze": 0, "silver": 0, "gold": 6}
    assert found["balanced"]


def test_a_batch_told_twice_counts_once(pipeline: Pipeline) -> None:
    take(INGEST, REFINE)
    before = accounts("plant")
    take(INGEST, REFINE)
    assert accounts("plant") == before
    assert LedgerEntry.objects.filter(query="ingest").count() == 3


def test_what_retention_took_is_told_as_often_as_one_likes_and_is_no_micro_batch(pipeline: Pipeline) -> None:
    take(INGEST)
    gone = BatchCommitted(
        pipeline="plant", at=HOUR, query=EXPIRE, batch=1, rows_in=1, entries=(Entry(HOUR, "expired", 1, "empty"),)
    )
    take(gone, gone)
    found = accounts("plant")
    assert (found["dead_letters"], found["expired"], found["balanced"]) == (1, 1, True)
    assert not MicroBatch.objects.filter(query=EXPIRE).exists()


def test_more_dead_letters_expired_than_there_were_break_their_equation(pipeline: Pipeline) -> None:
    take(INGEST)
    entries = (Entry(HOUR, "expired", 2, "empty"),)
    take(BatchCommitted(pipeline="plant", at=HOUR, query=EXPIRE, batch=1, rows_in=2, entries=entries))
    IndexMark.objects.create(pipeline=pipeline, ingest_seq=sequence(2, 0), expiry=1)
    assert [item["name"] for item in accounts("plant")["equations"] if not item["holds"]] == ["Dead letters accounted"]


def test_a_batch_told_anew_with_other_figures_replaces_them(pipeline: Pipeline) -> None:
    take(INGEST)
    take(batch("ingest", ("kafka", 12), ("accepted", 11), ("dead_letter", 1), detail="empty"))
    found = accounts("plant")
    assert (found["kafka"], found["accepted"], found["dead_letters"]) == (12, 11, 1)


@pytest.mark.parametrize(
    ("message", "equation"),
    [
        (batch("ingest", ("kafka", 10), ("accepted", 8)), "Kafka = Bronze"),
        (batch("refine", ("refined", 9), ("kept", 5), ("silver", 5), ("duplicate", 2)), "Bronze = Silver + set aside"),
        (batch("aggregate", ("aggregated", 6), ("gold", 5)), "Silver = Gold"),
    ],
)
def test_a_record_that_is_lost_breaks_its_equation(pipeline: Pipeline, message: Message, equation: str) -> None:
    take(INGEST, REFINE, AGGREGATE)
    take(message)
    broken = {item["name"] for item in accounts("plant")["equations"] if not item["holds"]}
    assert equation in broken
    assert not accounts("plant")["balanced"]


def finish(readings: int) -> Load:
    load = load_start(load_id=Load.objects.get(status=LoadStatus.REQUESTED).pk)
    assert load is not None
    seq = 1 << 40
    for _ in range(2):  # a worker may come twice
        load_record(pipeline=load.pipeline, load_id=load.pk, rises={HOUR: readings})
        load_finish(load=load, gold_version=1, gold_seq=seq, windows=2, readings=readings, committed_at=HOUR + 12.0)
    return Load.objects.get(pk=load.pk)


def test_gold_asks_for_one_load_however_many_batches_commit_meanwhile(pipeline: Pipeline) -> None:
    take(AGGREGATE, batch("aggregate", ("aggregated", 1), ("gold", 1), number=1))
    assert Load.objects.count() == 1


def test_a_load_settles_what_it_reached_and_knows_how_old_its_readings_are(pipeline: Pipeline) -> None:
    take(INGEST, REFINE, AGGREGATE)
    load = finish(6)
    found = accounts("plant")
    assert found["warehouse_readings"] == 6
    assert found["pending"]["gold"] == 0
    assert found["balanced"]
    assert load.latency[95] == 12.0
    assert MicroBatch.objects.get(query="aggregate").carried_by == load.pk


def test_a_batch_run_moves_readings_to_silver_and_gold_and_is_counted_once(pipeline: Pipeline) -> None:
    take(INGEST, REFINE, AGGREGATE)
    finish(6)
    before = accounts("plant")
    silver = batch("batch_silver", ("kept", 1), ("deferred", -1), ("silver", 1), number=7)
    take(silver)
    found = accounts("plant")
    assert (found["silver"], found["deferred"]) == (before["silver"] + 1, before["deferred"] - 1)
    assert (found["pending"]["silver"], found["balanced"]) == (1, True)
    # The stream has nothing to do about them, and its figures know nothing of them.
    assert absorbed_waiting(pipeline) == 1
    assert not Rollup.objects.filter(metric="silver", sum__gt=6).exists()

    gold = replace(batch("batch_gold", ("aggregated", 1), ("gold", 1), number=7), table_version=5)
    take(silver, gold, gold)
    found = accounts("plant")
    assert (found["pending"], found["balanced"]) == ({"bronze": 0, "silver": 0, "gold": 1}, True)
    assert absorbed_waiting(pipeline) == 0
    assert not Load.objects.filter(status=LoadStatus.REQUESTED).exists()  # the run asks, once it has passed its checks
    reached = {"gold_version": 5, "gold_seq": 1 << 40, "committed_at": HOUR + 20.0}
    load = load_start(load_id=load_request(pipeline=pipeline).pk)
    assert load is not None
    load_finish(load=load, windows=0, readings=0, held={HOUR: 1}, **reached)
    found = accounts("plant")
    assert (found["pending"]["gold"], found["balanced"]) == (1, True)  # what a load leaves out waits
    load = load_start(load_id=load_request(pipeline=pipeline).pk)
    assert load is not None
    load_record(pipeline=pipeline, load_id=load.pk, rises={HOUR: 1})
    load_finish(load=load, windows=1, readings=1, **reached)
    found = accounts("plant")
    assert (found["pending"]["gold"], found["warehouse_readings"], found["balanced"]) == (0, 7, True)


def test_a_load_that_lost_readings_breaks_its_equation(pipeline: Pipeline) -> None:
    take(INGEST, REFINE, AGGREGATE)
    finish(5)
    assert not accounts("plant")["balanced"]


def test_messages_and_their_offset_are_taken_together(pipeline: Pipeline) -> None:
    with pytest.raises(TypeError):
        take(INGEST, BatchCommitted(pipeline="plant", at=None, query="ingest"), offset=9)  # type: ignore[arg-type]
    assert accounts("plant")["kafka"] == 0
    assert not ConsumedOffset.objects.exists()


def test_lag_is_unknown_until_both_ends_are(pipeline: Pipeline) -> None:
    take(IngestProgress(pipeline="plant", at=1.0, offsets={"0": 5}))
    assert figures("plant")["lag"] == {"total": None, "partitions": {"0": None}}


def test_a_sensor_is_known_at_first_sight_with_its_types_interval(pipeline: Pipeline) -> None:
    seen = (("t-1", "temperature", "here", "celsius", 60.0), ("x-1", "unheard", "there", "furlong", 60.0))
    take(SensorSeen(pipeline="plant", at=1.0, sensors=seen))
    take(SensorSeen(pipeline="plant", at=2.0, sensors=(("t-1", "temperature", "moved", "celsius", 90.0),)))
    known, unheard = Sensor.objects.get(sensor_id="t-1"), Sensor.objects.get(sensor_id="x-1")
    assert known.expected_interval_seconds == SensorType.objects.get(name="temperature").expected_interval_seconds
    assert (known.location, known.first_seen_at.timestamp()) == ("moved", 60.0)
    assert (unheard.sensor_type, unheard.expected_interval_seconds) == (None, None)


def test_weighted_quantiles_are_those_of_the_repeated_values() -> None:
    import numpy as np

    found = weighted_quantiles(np.array([10.0, 1.0, 5.0]), np.array([1.0, 98.0, 1.0]))
    assert (found[0], found[50], found[100]) == (1.0, pytest.approx(1.0, abs=0.2), 10.0)
