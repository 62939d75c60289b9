"""A rehearsal: invented batches through all stages, on a lake that is thrown away.

The first batches of a JVM cost ten times what later ones do. Without a rehearsal, live readings would pay for that: at
1,000 a second some 26,000 of them were waiting when the code had warmed up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Message, Table, sequence
from spark_jobs.jobs import tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.ingest import Ingest
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.schemas import HEADERS
from spark_jobs.transforms.parse import with_disposition

BATCHES, READINGS, SENSORS = 2, 1000, 250
RECORDS = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"


class Unheard(Telemetry):
    """Nobody is told of what is only rehearsed."""

    def __init__(self) -> None:
        pass

    def send(self, message: Message) -> None:
        pass

    def batch_committed(self, *batch: Any, **figures: Any) -> None:
        pass


def rehearse(spark: SparkSession, arguments: ContinuousArguments) -> None:
    """Run the stages cold, before anybody waits for them. Only where all of Spark is on this machine."""
    if not arguments.master.startswith("local"):
        return
    with TemporaryDirectory(prefix="penstock-rehearsal-", ignore_cleanup_errors=True) as folder:
        scratch = replace(arguments, lake=folder)
        tables.ensure_tables(spark, folder)
        unheard = Unheard()
        ingest, refine = Ingest(spark, scratch, unheard), Refine(spark, scratch, unheard)
        aggregate = Aggregate(spark, scratch, unheard)
        for batch in range(BATCHES):
            seq = sequence(arguments.generation, batch)
            records = spark.createDataFrame(_records(arguments, batch * READINGS), RECORDS)
            ingest.take(with_disposition(records.withColumn("headers", F.lit(None).cast(HEADERS))), batch)
            bronze = tables.read(spark, folder, Table.BRONZE).where(f"ingest_seq = {seq}")
            refine.take(bronze.where("disposition = 'accepted'"), batch)
            aggregate.take(tables.read(spark, folder, Table.SILVER).where(f"refine_seq = {seq}"), batch)


def _records(arguments: ContinuousArguments, offset: int) -> list[tuple[Any, ...]]:
    types = [spec.name for spec in arguments.sensor_types] or ["rehearsal"]
    now = datetime.fromtimestamp(time.time() - time.time() % 3600, UTC)
    rows = []
    for at in range(offset, offset + READINGS):
        sensor, when = f"rehearsal-{at % SENSORS}", now + timedelta(milliseconds=at)
        reading: Mapping[str, object] = {
            "sensor_id": sensor,
            "sensor_type": types[at % SENSORS % len(types)],
            "timestamp": when.isoformat(),
            "value": 20.0 + at % 7,
            "unit": "unit",
            "location": f"place-{at % SENSORS % 4}",
        }
        rows.append((sensor.encode(), json.dumps(reading).encode(), arguments.topic, at % 3, at, when))
    return rows
