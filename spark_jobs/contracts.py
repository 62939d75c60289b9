"""What crosses a process boundary: reading, job arguments, telemetry, the lake's layout. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

# The reading on the wire ------------------------------------------------------------------------------------------

MAX_PAYLOAD_BYTES = 1024 * 1024
MAX_FUTURE_SECONDS = 300


@dataclass(frozen=True)
class ReadingField:
    """One field of the reading: `kind` is string, number or timestamp; all are required and none may be null."""

    name: str
    kind: str
    description: str


READING_FIELDS = (
    ReadingField("sensor_id", "string", "identifies the sensor; also the Kafka key"),
    ReadingField("sensor_type", "string", "a type of the registry, such as temperature"),
    ReadingField("timestamp", "timestamp", "ISO-8601 with offset: when the sensor measured"),
    ReadingField("value", "number", "the measured value, finite, in `unit`"),
    ReadingField("unit", "string", "the unit of `value`, such as celsius"),
    ReadingField("location", "string", "where the sensor is, such as floor-1-zone-A"),
)


def reading_json_schema() -> dict[str, Any]:
    """The reading's contract as JSON Schema (2020-12), made from READING_FIELDS like the Spark schema."""
    properties: dict[str, Any] = {}
    for item in READING_FIELDS:
        kind = "number" if item.kind == "number" else "string"
        properties[item.name] = {"type": kind, "description": item.description}
        if item.kind == "timestamp":
            properties[item.name]["format"] = "date-time"
        elif item.kind == "string":
            properties[item.name]["minLength"] = 1
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Penstock reading",
        "type": "object",
        "properties": properties,
        "required": [item.name for item in READING_FIELDS],
    }


class DeadLetterReason(StrEnum):
    """Why ingest refused a record. Judged in this order; the first that applies is the reason."""

    EMPTY = "empty"  # null or zero-length message
    TOO_LARGE = "too_large"  # over MAX_PAYLOAD_BYTES
    NOT_UTF8 = "not_utf8"
    MALFORMED_JSON = "malformed_json"  # not JSON, not an object, or nested too deeply to parse
    MISSING_FIELD = "missing_field"  # a required field absent, null or empty
    WRONG_TYPE = "wrong_type"  # a number where a string belongs, or the reverse
    NOT_FINITE = "not_finite"  # NaN or infinite value
    NO_OFFSET = "no_offset"  # a time without offset from UTC
    BAD_TIMESTAMP = "bad_timestamp"  # not ISO-8601
    FUTURE_TIMESTAMP = "future_timestamp"  # over MAX_FUTURE_SECONDS after Kafka's own timestamp
    WRONG_KEY = "wrong_key"  # the Kafka key is not the sensor_id, so the sensor's order is not kept


# A job's arguments ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SensorTypeSpec:
    """Ranges in the type's unit, both ends included; `expected_interval_seconds` between two readings of a sensor."""

    name: str
    unit: str
    normal_low: float
    normal_high: float
    physical_low: float
    physical_high: float
    expected_interval_seconds: float


@dataclass(frozen=True)
class ContinuousArguments:
    """All that the continuous job is told; written to a file (mode 0600), whose path is its one argument."""

    pipeline: str
    version: int  # the pipeline version whose configuration this is
    generation: int  # counts checkpoints: a reset checkpoint is a new generation
    run_tag: str  # names this launch; the driver is adopted by it
    fencing_token: int
    bootstrap_servers: str
    topic: str
    telemetry_topic: str
    lake: str  # root path or URI
    checkpoint: str  # root path or URI of this generation's checkpoints
    jars: tuple[str, ...]  # files for spark.jars
    sensor_types: tuple[SensorTypeSpec, ...]
    trigger_seconds: float = 4.0  # between two batches of ingest, whose commits the other queries follow
    watermark_minutes: float = 10.0
    zscore_window: int = 100
    zscore_minimum: int = 30
    zscore_threshold: float = 3.0
    zscore_max_age_days: float = 7.0
    max_offsets_per_trigger: int = 300_000
    master: str = "local[2]"
    driver_memory: str = "2g"
    spark_conf: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> ContinuousArguments:
        """Raises ValueError naming the argument that is unknown or missing."""
        raw = json.loads(text)
        known = {item.name for item in fields(cls)}
        if unknown := set(raw) - known:
            raise ValueError(f"unknown arguments: {', '.join(sorted(unknown))}")
        raw["sensor_types"] = tuple(SensorTypeSpec(**item) for item in raw.get("sensor_types", ()))
        raw["jars"] = tuple(raw.get("jars", ()))
        try:
            return cls(**raw)
        except TypeError as error:
            raise ValueError(str(error)) from error


# The lake's layout ------------------------------------------------------------------------------------------------


class Table(StrEnum):
    """Delta tables, as paths under the lake's root."""

    BRONZE = "bronze/readings"
    EXPIRED = "bronze/expired"  # what retention took from Bronze: counts, and which offsets
    SILVER = "silver/readings"
    SET_ASIDE = "silver/set_aside"  # accepted readings that Silver did not keep: duplicate, deferred
    SENSOR_5MIN = "gold/sensor_5min"
    LOCATION_HOURLY = "gold/location_hourly"
    DAILY_SUMMARY = "gold/daily_summary"

    def under(self, lake: str) -> str:
        return f"{lake.rstrip('/')}/{self.value}"


def sequence(generation: int, batch: int) -> int:
    """One monotonic number for (generation, batch): the refine_seq of Silver and the gold_seq of Gold."""
    return (generation << 40) | batch


# Telemetry --------------------------------------------------------------------------------------------------------


class Query(StrEnum):
    INGEST = "ingest"
    REFINE = "refine"
    AGGREGATE = "aggregate"


class BatchQuery(StrEnum):
    """What a batch run tells as the `query` of BatchCommitted; its `batch` is the run, its `generation` 0.

    A run tells all that it has changed, whichever of its attempts did: told again, it is replaced.
    """

    SILVER = "batch_silver"  # late readings moved from the set-aside table to Silver, readings flagged otherwise
    GOLD = "batch_gold"  # rise of the windows that it made anew


EXPIRE = "expire"  # the name under which retention tells what it took; its batches are numbered by `expiry`


class Measure(StrEnum):
    """What a ledger entry counts.

    The hour is of ingest (Kafka's timestamp) for the first seven and for the last three, of the event for the others.
    """

    KAFKA = "kafka"  # ingest: records read from Kafka
    ACCEPTED = "accepted"  # ingest: Bronze rows accepted
    DEAD_LETTER = "dead_letter"  # ingest: Bronze rows refused; `detail` is the DeadLetterReason
    REFINED = "refined"  # refine: accepted rows read from Bronze
    DUPLICATE = "duplicate"  # refine: set aside
    DEFERRED = "deferred"  # refine: set aside, late
    KEPT = "kept"  # refine: Silver rows, by hour of ingest
    SILVER = "silver"  # refine: the same Silver rows, by hour of the event
    ANOMALY = "anomaly"  # refine: Silver rows flagged, by hour of the event; `detail` is the sensor_type
    AGGREGATED = "aggregated"  # aggregate: Silver rows read
    GOLD = "gold"  # aggregate: rise of reading_count in gold/sensor_5min
    WAREHOUSE = "warehouse"  # load: rise of reading_count in the warehouse
    REDRIVEN = "redriven"  # redrive: dead letters sent back through Kafka; `detail` is the DeadLetterReason
    DISCARDED = "discarded"  # discard: dead letters given up; `detail` is the DeadLetterReason
    EXPIRED = "expired"  # expire: dead letters that Bronze does not hold any more; `detail` is the DeadLetterReason


@dataclass(frozen=True)
class Entry:
    """One ledger entry of a batch: `hour` is seconds since the epoch at the hour's start."""

    hour: int
    measure: str
    count: int
    detail: str = ""


class DriverState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Message:
    """Base of telemetry and commands: JSON on the topic of either, keyed by pipeline, told apart by `kind`."""

    kind: ClassVar[str]

    pipeline: str
    at: float  # seconds since the epoch

    def to_json(self) -> bytes:
        return json.dumps({"kind": self.kind, **asdict(self)}, separators=(",", ":")).encode()


@dataclass(frozen=True)
class BatchCommitted(Message):
    """A query's micro-batch is in the lake. Sent again on a replay: upsert on (pipeline, query, generation, batch).

    `entries` may come in several messages (`part` of `parts`), each complete for the hours it names.
    `event_times` (aggregate only): 101 quantiles, 0 to 100 %, of the event times of the readings that this batch
    brought to Gold, in seconds since the epoch; the loader turns them into latency.
    `table_version` is the Delta version after the batch of Bronze, Silver or gold/sensor_5min.
    """

    kind: ClassVar[str] = "batch_committed"

    run_tag: str = ""
    version: int = 0
    query: str = ""
    generation: int = 0
    batch: int = 0
    table_version: int = 0
    rows_in: int = 0
    seconds: float = 0.0
    replayed: bool = False
    part: int = 1
    parts: int = 1
    entries: tuple[Entry, ...] = ()
    event_times: tuple[float, ...] = ()


@dataclass(frozen=True)
class IngestProgress(Message):
    """How far ingest has read: next offset per partition, committed. The collector sets it against the end offsets."""

    kind: ClassVar[str] = "ingest_progress"

    generation: int = 0
    topic: str = ""
    topic_id: str = ""
    offsets: dict[str, int] = field(default_factory=dict)  # partition -> next offset to read


@dataclass(frozen=True)
class DriverReport(Message):
    """The driver's own word on its state; sent on every change and every 5 s as a heartbeat."""

    kind: ClassVar[str] = "driver_report"

    run_tag: str = ""
    version: int = 0
    generation: int = 0
    fencing_token: int = 0
    pid: int = 0
    host: str = ""
    state: str = DriverState.STARTING
    reason: str = ""


@dataclass(frozen=True)
class SensorSeen(Message):
    """Sensors that Silver saw for the first time in this generation, as [id, type, location, unit, first seen]."""

    kind: ClassVar[str] = "sensor_seen"

    sensors: tuple[tuple[str, str, str, str, float], ...] = ()


class SimulatorActivity(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"


@dataclass(frozen=True)
class SimulatorReport(Message):
    """Exact counts of what a simulator has delivered so far, by kind of injection; `final` on its last word."""

    kind: ClassVar[str] = "simulator_report"

    simulator: str = ""
    sent: int = 0
    normal: int = 0
    anomalies: int = 0
    malformed: int = 0
    duplicates: int = 0
    late: int = 0
    failed: int = 0
    final: bool = False
    state: str = SimulatorActivity.RUNNING


@dataclass(frozen=True)
class SimulatorCommand(Message):
    """What a pipeline's controlled simulators shall do. On the control topic, compacted: the newest one holds."""

    kind: ClassVar[str] = "simulator_command"

    desired: str = SimulatorActivity.RUNNING


MESSAGES: dict[str, type[Message]] = {
    item.kind: item for item in (BatchCommitted, IngestProgress, DriverReport, SensorSeen, SimulatorReport)
}
COMMANDS: dict[str, type[Message]] = {SimulatorCommand.kind: SimulatorCommand}


def parse_message(payload: bytes, among: Mapping[str, type[Message]] = MESSAGES) -> Message:
    """The message in `payload`. Raises ValueError when it is none of `among`."""
    raw = json.loads(payload)
    if not isinstance(raw, dict) or raw.get("kind") not in among:
        raise ValueError("not a message of a kind that belongs here")
    kind = among[raw.pop("kind")]
    try:
        raw["entries"] = [Entry(**item) for item in raw.get("entries", ())]
        if not raw["entries"]:
            del raw["entries"]
        fields_: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in raw.items()}
        return kind(**fields_)
    except TypeError as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True)
class Farewell:
    """How a driver ended, by its own word, in a file beside its arguments; one that was killed leaves none.

    `run_tag` is empty where the driver could not read it.
    """

    run_tag: str
    pid: int
    words: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Farewell:
        """Raises ValueError and TypeError."""
        return cls(**json.loads(text))


def farewell_file(arguments: str | Path) -> Path:
    return Path(arguments).with_name("farewell.json")


def read_arguments(path: str) -> ContinuousArguments:
    return ContinuousArguments.from_json(Path(path).read_text(encoding="utf-8"))
