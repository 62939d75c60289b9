"""The columns that a quality suite may name, by layer, and of what kind each is. Standard library only.

They are those of spark_jobs/schemas.py, which the control plane cannot read.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from spark_jobs.suites import Layer


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    DATE = "date"
    LIST = "list"
    BYTES = "bytes"


_PLACE = {"topic": Kind.TEXT, "partition": Kind.NUMBER, "offset": Kind.NUMBER, "kafka_timestamp": Kind.TIME}
_READING = {
    "sensor_id": Kind.TEXT,
    "sensor_type": Kind.TEXT,
    "timestamp": Kind.TIME,
    "value": Kind.NUMBER,
    "unit": Kind.TEXT,
    "location": Kind.TEXT,
}
_NUMBERS = (
    "reading_count", "anomaly_count", "value_avg", "value_min", "value_max", "value_stddev", "p50", "p95", "p99",
    "value_m2", "expected_readings", "health_pct", "gold_seq", "batch_seq", "refine_seq", "fence_seq",
)  # fmt: skip

COLUMNS: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        Layer.BRONZE: {
            "ingest_seq": Kind.NUMBER,
            **_PLACE,
            "reason": Kind.TEXT,
            **_READING,
            "key": Kind.BYTES,
            "payload": Kind.BYTES,
            "headers": Kind.LIST,
            "disposition": Kind.TEXT,
            "ingest_date": Kind.DATE,
        },
        Layer.SILVER: {
            "refine_seq": Kind.NUMBER,
            **_PLACE,
            **_READING,
            "anomaly_score": Kind.NUMBER,
            "anomaly_reasons": Kind.LIST,
            "job_version": Kind.NUMBER,
            "batch_run": Kind.NUMBER,
            "event_date": Kind.DATE,
        },
        Layer.GOLD: {
            "sensor_id": Kind.TEXT,
            "sensor_type": Kind.TEXT,
            "location": Kind.TEXT,
            "unit": Kind.TEXT,
            "window_start": Kind.TIME,
            "window_end": Kind.TIME,
            **dict.fromkeys(_NUMBERS, Kind.NUMBER),
            "sketch": Kind.BYTES,
            "event_date": Kind.DATE,
        },
    }
)
# What tells a row of a layer from others, for samples of rows.
IDENTITY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        Layer.BRONZE: ("topic", "partition", "offset", "sensor_id", "timestamp"),
        Layer.SILVER: ("topic", "partition", "offset", "sensor_id", "timestamp"),
        Layer.GOLD: ("sensor_id", "window_start"),
    }
)
