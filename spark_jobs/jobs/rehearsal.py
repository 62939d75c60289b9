"""A rehearsal: an invented batch for each stage, on a lake that is thrown away.

The first batches of a JVM cost ten times what later ones do. Without a rehearsal, live readings would pay for that: at
1,000 a second some 26,000 of them were waiting when the code had warmed up.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark_jobs.contracts import ContinuousArguments, Message
from spark_jobs.jobs import tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.ingest import Ingest
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.telemetry import Telemetry
from spark_jobs.schemas import HEADERS
from spark_jobs.transforms.parse import with_disposition

STAGES = (Ingest, Refine, Aggregate)
READINGS, SENSORS = 1000, 250
SECONDS = 10.0
RECORDS = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"


class Unheard(Telemetry):
    """Nobody is told of what is only rehearsed."""

    def __init__(self) -> None:
        pass

    def send(self, message: Message) -> None:
        pass

    def batch_committed(self, *batch: Any, **figures: Any) -> None:
        pass


def rehearse(spark: SparkSession, arguments: ContinuousArguments, stop: threading.Event) -> None:
    """Run each stage cold, beside one another; what takes longer than SECONDS goes on beside the first real batches.

    Only where all of Spark is on this machine. A rehearsal that fails is told on stderr and costs nothing but warmth.
    """
    if arguments.master.startswith("local"):
        rehearsal = threading.Thread(target=_rehearse_all, args=(spark, arguments, stop), daemon=True)
        rehearsal.start()
        until = time.monotonic() + SECONDS
        while rehearsal.is_alive() and time.monotonic() < until and not stop.wait(0.1):
            pass


def _rehearse_all(spark: SparkSession, arguments: ContinuousArguments, stop: threading.Event) -> None:
    folder = Path(arguments.checkpoint) / "rehearsal"
    scratch = replace(arguments, lake=str(folder))
    shutil.rmtree(folder, ignore_errors=True)
    try:
        tables.ensure_tables(spark.newSession(), scratch.lake)
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(_rehearse, spark.newSession(), scratch, stage) for stage in STAGES]:
                done.result()
    except Exception as error:
        if not stop.is_set():  # else Spark was taken away from it
            sys.stderr.write(f"rehearsal: {error!r}\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rehearse(spark: SparkSession, scratch: ContinuousArguments, stage: type[Ingest | Refine | Aggregate]) -> None:
    records = spark.createDataFrame(_records(scratch), RECORDS).withColumn("headers", F.lit(None).cast(HEADERS))
    rows = with_disposition(records)
    if stage is Aggregate:
        rows = rows.withColumns(
            {"anomaly_reasons": F.array().cast("array<string>"), "refine_seq": F.lit(0).cast("long")}
        )
    stage(spark, scratch, Unheard()).take(rows, 0)


def _records(arguments: ContinuousArguments) -> list[tuple[Any, ...]]:
    types = [spec.name for spec in arguments.sensor_types] or ["rehearsal"]
    now = datetime.fromtimestamp(time.time() - time.time() % 3600, UTC)
    rows = []
    for at in range(READINGS):
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
