"""Taking telemetry messages in, one transaction for many."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from django.db import transaction

from controlplane.ledger.services import entries_record
from controlplane.pipelines.models import Pipeline
from controlplane.sensors.services import sensors_see
from controlplane.streaming import services as streaming
from controlplane.telemetry.metrics import Metric
from controlplane.telemetry.models import ConsumedOffset, SimulatorState
from controlplane.telemetry.selectors import lag
from controlplane.telemetry.services.rollups import Sample, rollups_add, samples_of
from controlplane.warehouse.services import load_request
from spark_jobs.contracts import (
    EXPIRE,
    BatchCommitted,
    BatchQuery,
    DriverReport,
    IngestProgress,
    Message,
    Query,
    SensorSeen,
    SimulatorReport,
)

logger = logging.getLogger(__name__)
LOADED_AT_ONCE = (Query.AGGREGATE,)  # a batch run asks for a load itself, once it has passed its checks
COUNTS = ("sent", "normal", "anomalies", "malformed", "duplicates", "late", "failed")


@transaction.atomic
def messages_take(*, topic: str, messages: Iterable[Message], offsets: Mapping[int, int]) -> None:
    """Take messages and note how far they reach (partition -> next offset), together or not at all."""
    pipelines: dict[str, Pipeline | None] = {}
    samples: defaultdict[Pipeline, list[Sample]] = defaultdict(list)
    for message in messages:
        if message.pipeline not in pipelines:
            pipelines[message.pipeline] = Pipeline.objects.filter(name=message.pipeline).first()
        pipeline = pipelines[message.pipeline]
        if pipeline is None:
            logger.warning("telemetry of an unknown pipeline: %s", message.pipeline)
        elif isinstance(message, BatchCommitted):
            samples[pipeline] += _take_batch(pipeline, message)
        else:
            TAKES[type(message)](pipeline, message)
    for pipeline, counted in samples.items():
        rollups_add(pipeline=pipeline, samples=counted)
    for partition, offset in offsets.items():
        ConsumedOffset.objects.update_or_create(topic=topic, partition=partition, defaults={"next_offset": offset})


@transaction.atomic
def ends_take(*, pipeline: Pipeline, ends: dict[int, int]) -> None:
    """Take the broker's end offset of each partition, and with it the lag."""
    streaming.ends_sampled(pipeline=pipeline, ends=ends)
    now, at = lag(pipeline), time.time()
    known = {"": now["total"], **now["partitions"]}
    samples = [Sample(at, Metric.LAG, float(count), label=label) for label, count in known.items() if count is not None]
    rollups_add(pipeline=pipeline, samples=samples)


def _take_batch(pipeline: Pipeline, message: BatchCommitted) -> list[Sample]:
    """Gives what it counted that had not been counted yet."""
    rises = entries_record(
        pipeline=pipeline,
        query=message.query,
        generation=message.generation,
        batch=message.batch,
        entries=message.entries,
    )
    # Retention tells what it took in the same words, and has no micro-batches.
    if message.part == message.parts and message.query != EXPIRE:
        streaming.batch_committed(pipeline=pipeline, message=message)
        if message.query in LOADED_AT_ONCE and message.rows_in:
            load_request(pipeline=pipeline)
    # A batch run moves readings of days gone by: they are nothing of what the stream brings in a second.
    return [] if message.query in list(BatchQuery) else samples_of(rises=rises, at=message.at)


def _take_progress(pipeline: Pipeline, message: IngestProgress) -> None:
    streaming.ingest_progressed(pipeline=pipeline, message=message)


def _take_report(_: Pipeline, message: DriverReport) -> None:
    streaming.driver_reported(report=message)


def _take_sensors(_: Pipeline, message: SensorSeen) -> None:
    sensors_see(sensors=[(*item[:4], item[4]) for item in message.sensors])


def _take_simulator(_: Pipeline, message: SimulatorReport) -> None:
    SimulatorState.objects.update_or_create(
        simulator=message.simulator,
        defaults={
            "pipeline": message.pipeline,
            "counts": {name: getattr(message, name) for name in COUNTS},
            "activity": message.state,
            "at": datetime.fromtimestamp(message.at, UTC),
        },
    )


TAKES: dict[type[Message], Callable[..., None]] = {
    IngestProgress: _take_progress,
    DriverReport: _take_report,
    SensorSeen: _take_sensors,
    SimulatorReport: _take_simulator,
}
