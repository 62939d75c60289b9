"""What is not known is None, and what is wrong is named."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch, PartitionProgress, StreamingJob
from controlplane.telemetry.selectors import figures
from controlplane.telemetry.services import ends_take, messages_take
from controlplane.warehouse.models import Load, LoadStatus
from spark_jobs.contracts import BatchCommitted, Entry, IngestProgress, SimulatorReport

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def job_is(**columns: Any) -> None:
    StreamingJob.objects.update(**columns)


def running() -> None:
    now = timezone.now()
    job_is(desired="running", observed="running", launched_at=now - timedelta(minutes=5), heartbeat_at=now, pid=7)


def take(query: str, *entries: Entry, rows_in: int = 0, batch: int = 0, age: float = 0.0) -> None:
    message = BatchCommitted(
        pipeline="plant",
        at=time.time() - age,
        query=query,
        generation=1,
        batch=batch,
        rows_in=rows_in,
        entries=entries,
    )
    messages_take(topic="telemetry", messages=[message], offsets={0: 1})


def codes(**known: Any) -> dict[str, str]:
    return {item["code"]: item["severity"] for item in figures("plant", **known)["attention"]}


def test_of_a_pipeline_that_never_ran_nothing_is_known(pipeline: Pipeline) -> None:
    found = figures("plant")
    assert set(found["rates"].values()) == {None}
    assert (found["throughput"], found["received"], found["anomaly_rate"], found["last_load"]) == (None,) * 4
    assert set(found["freshness"].values()) == {None}
    assert found["lag"] == {"total": None, "partitions": {}}
    assert found["simulator"] == {"desired": "running", "observed": "unknown", "counts": None, "at": None}


def test_rates_are_of_the_last_seconds_by_stage(pipeline: Pipeline) -> None:
    running()
    take("ingest", Entry(0, "kafka", 6000), Entry(0, "dead_letter", 60, "empty"), rows_in=6000)
    take("ingest", Entry(0, "kafka", 10**9), batch=1, age=120)
    rates = figures("plant")["rates"]
    assert 6000 / 41 < rates["ingested"] < 6000 / 29
    assert rates["dead_letters"] == pytest.approx(rates["ingested"] / 100, abs=0.1)
    assert rates["silver"] == 0.0


def test_the_anomaly_rate_is_a_share_of_silver(pipeline: Pipeline) -> None:
    take("refine", Entry(0, "silver", 200), Entry(0, "anomaly", 3, "humidity"), Entry(0, "anomaly", 1, "pressure"))
    assert figures("plant")["anomaly_rate"] == pytest.approx(0.02)


def test_freshness_counts_from_the_last_commit_that_brought_rows(pipeline: Pipeline) -> None:
    take("ingest", rows_in=5, age=40)
    take("ingest", rows_in=0, batch=1)
    fresh = figures("plant")["freshness"]
    assert 40 <= fresh["bronze"] < 60
    assert fresh["silver"] is None


def test_received_is_the_sum_of_the_brokers_ends_while_they_are_fresh(pipeline: Pipeline) -> None:
    ends_take(pipeline=pipeline, ends={0: 40, 1: 60})
    assert figures("plant")["received"] == 100
    PartitionProgress.objects.filter(partition=1).update(end_at=timezone.now() - timedelta(seconds=20))
    assert figures("plant")["received"] is None
    assert codes()["ends_unknown"] == "unknown"


def test_a_driver_that_falls_silent_is_unknown_and_so_are_its_rates(pipeline: Pipeline) -> None:
    running()
    take("ingest", Entry(0, "kafka", 100))
    assert figures("plant")["throughput"] > 0
    job_is(heartbeat_at=timezone.now() - timedelta(seconds=12))
    found = figures("plant")
    assert (found["observed"], found["throughput"]) == ("unknown", None)
    assert codes()["driver_unknown"] == "unknown"


@pytest.mark.parametrize(
    ("desired", "observed", "expected"),
    [
        ("running", "failed", {"driver_failed": "failing"}),
        ("running", "stopped", {"driver_stopped": "failing"}),
        ("running", "launching", {"driver_launching": "warning"}),
        ("running", "unknown", {"driver_unknown": "unknown"}),
        ("running", "running", {}),
        ("stopped", "stopped", {}),
        ("stopped", "draining", {}),
    ],
)
def test_a_driver_that_is_not_as_wanted_needs_attention(
    pipeline: Pipeline, desired: str, observed: str, expected: dict[str, str]
) -> None:
    running()
    ends_take(pipeline=pipeline, ends={0: 0})
    job_is(desired=desired, observed=observed)
    assert codes() == expected


def test_much_lag_needs_attention(pipeline: Pipeline) -> None:
    messages_take(
        topic="telemetry", messages=[IngestProgress(pipeline="plant", at=1.0, offsets={"0": 100})], offsets={0: 1}
    )
    ends_take(pipeline=pipeline, ends={0: 10_100})
    assert "lagging" not in codes()
    ends_take(pipeline=pipeline, ends={0: 10_101})
    assert codes()["lagging"] == "warning"


def test_accounts_that_do_not_balance_come_first_and_name_what_is_broken(pipeline: Pipeline) -> None:
    job_is(desired="running", observed="launching")
    take("ingest", Entry(0, "kafka", 10), Entry(0, "accepted", 9))
    first = figures("plant")["attention"][0]
    assert (first["code"], first["severity"], first["detail"]) == ("unbalanced", "failing", "Kafka = Bronze")


def test_a_warehouse_is_stale_when_gold_has_waited_for_a_minute(pipeline: Pipeline) -> None:
    take("aggregate", Entry(0, "gold", 5), Entry(0, "aggregated", 5), rows_in=5)
    assert "warehouse_stale" not in codes()
    MicroBatch.objects.update(committed_at=timezone.now() - timedelta(seconds=61))
    assert codes()["warehouse_stale"] == "warning"
    Load.objects.update(status=LoadStatus.FAILED, reason="no room")
    found = {item["code"]: item["detail"] for item in figures("plant")["attention"]}
    assert "warehouse_stale" not in found
    assert found["load_failed"].startswith("no room; 5 readings")


def test_the_last_load_tells_the_latency_of_what_it_brought_and_none_of_nothing(pipeline: Pipeline) -> None:
    done = {"status": LoadStatus.SUCCEEDED, "windows": 1, "readings": 5}
    Load.objects.create(pipeline=pipeline, committed_at=timezone.now(), latency=list(range(101)), **done)
    assert figures("plant")["last_load"]["latency"] == {"p50": 50, "p95": 95, "p99": 99}
    Load.objects.create(pipeline=pipeline, committed_at=timezone.now(), latency=[], **done)
    assert figures("plant")["last_load"]["latency"] is None


def test_an_item_keeps_its_since_for_as_long_as_it_is_there(pipeline: Pipeline) -> None:
    running()
    (first,) = figures("plant")["attention"]
    (second,) = figures("plant", before=[first | {"since": 5.0}])["attention"]
    (third,) = figures("plant", before=[])["attention"]
    assert second["since"] == 5.0
    assert first["since"] < third["since"]


def simulator_says(name: str, state: str, sent: int, age: float = 0.0) -> None:
    report = SimulatorReport(pipeline="plant", at=time.time() - age, simulator=name, sent=sent, state=state)
    messages_take(topic="telemetry", messages=[report], offsets={0: 1})


def test_simulators_that_report_now_are_added_and_one_that_runs_is_enough(pipeline: Pipeline) -> None:
    simulator_says("long ago", "running", 1000, age=100)
    assert figures("plant")["simulator"]["observed"] == "unknown"
    assert "simulator_silent" in codes()
    simulator_says("a", "paused", 10)
    assert figures("plant")["simulator"]["observed"] == "paused"
    simulator_says("b", "running", 20)
    told = figures("plant")["simulator"]
    assert (told["observed"], told["counts"]["sent"]) == ("running", 30)
    assert "simulator_silent" not in codes()
    simulator_says("a", "finished", 11)
    simulator_says("b", "finished", 21)
    told = figures("plant")["simulator"]
    assert (told["observed"], told["counts"]["sent"]) == ("finished", 21)
