"""One reading followed through the layers: where it is, what has touched it, or where and why it stopped.

A step says what a layer has of it; the last one that is not `present` says why it is in no later one.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from deltalake.exceptions import DeltaError
from django.conf import settings

from controlplane.deadletters.models import DeadLetter
from controlplane.deadletters.services.index import ORIGIN_HEADER, REDRIVE_HEADER
from controlplane.deadletters.states import LetterStatus
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import watermark_of
from controlplane.quality.models import SuiteEvaluation
from controlplane.runs.models import Run
from controlplane.runs.states import RunState
from controlplane.streaming.models import MicroBatch
from controlplane.warehouse.models import LoadStatus
from pipeline_workers.inquiries.places import (
    Layers,
    NoSuchPlace,
    Place,
    at,
    header,
    measured,
    place_of,
    record_at,
)
from pipeline_workers.verification.errors import KafkaUnreadable, WarehouseUnreadable
from pipeline_workers.verification.lake import Lake
from pipeline_workers.verification.warehouse import fact
from spark_jobs.contracts import BatchQuery, Query, sequence
from spark_jobs.suites import Layer

BATCHES = sequence(1, 0)
MOST_RECORDS = 20
SHOWN = 5  # runs, and checks


@dataclass
class Step:
    """`state` is present, waiting (for the next layer's job), stopped, missing (which nothing explains), or unknown."""

    layer: str
    state: str
    words: str
    detail: dict[str, Any] = field(default_factory=dict)


def trace(pipeline: Pipeline, question: dict[str, Any]) -> dict[str, Any]:
    """`records`, each with its place and `steps`, and `words` on what it comes to. A redriven letter leads to the next.

    The question has `partition` and `offset`, and a `topic` if it is not the pipeline's, or `sensor_id` and `timestamp`
    (ISO-8601 with offset): then all records of that sensor and time are followed, the one that was kept first.
    """
    with Lake(settings.PENSTOCK["lake"]) as lake:
        tracer = _Tracer(pipeline, Layers(lake))
        if "sensor_id" in question:
            when = datetime.fromisoformat(question["timestamp"]).astimezone(UTC)
            places = tracer.places_of(question["sensor_id"], when)
            nowhere = f"no layer has a reading of {question['sensor_id']} at {when.isoformat()}"
        else:
            places = [Place(question.get("topic") or pipeline.topic, question["partition"], question["offset"])]
            nowhere = ""
        records = tracer.records(places)
        return {
            "found": any(step.state == "present" for _, steps in records for step in steps),
            "words": records[0][1][-1].words if records else nowhere,
            "records": [{**place._asdict(), "steps": [asdict(step) for step in steps]} for place, steps in records],
            "problems": lake.problems,
        }


class _Tracer:
    def __init__(self, pipeline: Pipeline, layers: Layers) -> None:
        self._pipeline, self._layers = pipeline, layers

    def places_of(self, sensor: str, when: datetime) -> list[Place]:
        """Where records of a sensor and time are, the kept one first."""
        wanted = measured(sensor, when)
        kept = self._layers.silver(wanted, when.date())
        others = [*self._layers.bronze(wanted), *self._layers.aside(wanted)]
        return list(dict.fromkeys([*map(place_of, kept), *sorted(map(place_of, others))]))[:MOST_RECORDS]

    def records(self, places: list[Place]) -> list[tuple[Place, list[Step]]]:
        """Each with its steps, followed by the records that it was redriven as."""
        found: dict[Place, list[Step]] = {}
        waiting = list(places)
        while waiting and len(found) < MOST_RECORDS:
            place = waiting.pop(0)
            if place in found:
                continue
            found[place] = self._steps(place)
            if (sent := found[place][-1].detail.get("sent_to")) is not None:
                waiting.insert(0, Place(**sent))
        return list(found.items())

    def _steps(self, place: Place) -> list[Step]:
        kafka = self._kafka(place)
        rows = self._layers.bronze(at(place))
        if not rows:
            return [kafka, *self._without_bronze(place, kafka)]
        row = rows[0]
        bronze = Step(
            "bronze", "present", f"ingest has it as {row['disposition'].replace('_', ' ')}", self._bronze(row)
        )
        if row["disposition"] == "dead_letter":
            return [kafka, bronze, self._letter(place, row["reason"])]
        return [kafka, bronze, *self._from_silver(place, row)]

    def _kafka(self, place: Place) -> Step:
        try:
            found = record_at(settings.PENSTOCK["bootstrap_servers"], place)
        except NoSuchPlace as error:
            reads = "" if place.topic == self._pipeline.topic else f"; the pipeline reads {self._pipeline.topic}"
            return Step("kafka", "missing", f"{error}{reads}")
        except KafkaUnreadable as error:
            return Step("kafka", "unknown", str(error))
        log = {"log_start": found.low, "log_end": found.high}
        if found.arrived is not None:
            return Step(
                "kafka", "present", f"it is in {place}", {**log, "arrived": _text(found.arrived), "bytes": found.size}
            )
        if place.offset < found.low:
            return Step("kafka", "stopped", f"Kafka keeps its log from offset {found.low} on", log)
        if place.offset >= found.high:
            return Step(
                "kafka", "missing", f"the partition ends before offset {found.high}: nothing came there yet", log
            )
        return Step("kafka", "missing", "no record was committed at this offset", log)

    def _without_bronze(self, place: Place, kafka: Step) -> list[Step]:
        """Of what Bronze does not hold: not yet, not any more, or lost."""
        expired = self._layers.expired(place)
        silver = self._layers.silver(at(place))
        if silver or expired:
            detail = {name: _text(value) for name, value in (expired or {}).items()}
            bronze = Step("bronze", "stopped", "retention took it from Bronze", detail)
            if silver or (expired and expired["disposition"] == "accepted"):
                return [bronze, *self._from_silver(place, silver[0] if silver else None)]
            return [bronze, self._letter(place, str(expired and expired["reason"]))]
        if kafka.state == "missing":
            return []
        if place.topic != self._pipeline.topic:
            return [Step("bronze", "stopped", f"the pipeline reads {self._pipeline.topic}, and not {place.topic}")]
        if not self._layers.ingested_beyond(place):
            if kafka.state == "unknown":
                return [Step("bronze", "unknown", "it is not in Bronze, and ingest has not come so far")]
            return [Step("bronze", "waiting", "it waits for ingest, which has not come so far")]
        words = "later records of the partition are in Bronze, and this one is not: see penstock ledger verify"
        return [Step("bronze", "missing", words)]

    def _bronze(self, row: dict[str, Any]) -> dict[str, Any]:
        names = ("sensor_id", "sensor_type", "timestamp", "value", "unit", "location")
        detail = {**self._commit(Query.INGEST, row["ingest_seq"]), **{name: _text(row[name]) for name in names}}
        if row["disposition"] == "accepted":
            detail["checks"] = self._checks(Layer.BRONZE, row["timestamp"])
        if (redrive := header(row, REDRIVE_HEADER)) is not None:
            detail |= {"redrive": redrive, "redriven_from": header(row, ORIGIN_HEADER)}
        return detail

    def _letter(self, place: Place, reason: str) -> Step:
        """What became of a record that ingest refused."""
        found = DeadLetter.objects.filter(pipeline=self._pipeline, **place._asdict()).first()
        if found is None:
            return Step("dead_letters", "waiting", f"ingest refused it ({reason}); the index has yet to see it")
        detail: dict[str, Any] = {"reason": found.reason, "letter": found.pk, "status": found.status}
        if found.status == LetterStatus.REDRIVEN:
            sent = Place(found.topic, int(found.sent_partition), int(found.sent_offset))
            detail |= {"redrive": found.redrive_id, "sent_to": sent._asdict()}
            return Step("dead_letters", "present", f"ingest refused it ({reason}); redriven as {sent}", detail)
        if found.discard is not None:
            words = f"ingest refused it ({reason}), and it was discarded: {found.discard.reason}"
        else:
            words = f"ingest refused it ({reason}); the dead letter is {found.status}"
        return Step("dead_letters", "stopped", words, detail)

    def _from_silver(self, place: Place, row: dict[str, Any] | None) -> list[Step]:
        """`row` is of Bronze, or of Silver where Bronze has it no more."""
        day = row["timestamp"].date() if row else None
        kept = self._layers.silver(at(place), day)
        if kept:
            return self._kept(kept[0])
        aside = self._layers.aside(at(place))
        if aside:
            return [self._set_aside(aside[0], row)]
        if self._layers.judged_beyond(place):
            words = "refine has judged later records of the partition, and not this one: see penstock ledger verify"
            return [Step("silver", "missing", words)]
        return [Step("silver", "waiting", "it waits for refine, which has not come so far")]

    def _set_aside(self, aside: dict[str, Any], row: dict[str, Any] | None) -> Step:
        detail = {"reason": aside["reason"], **self._commit(Query.REFINE, aside["refine_seq"])}
        if aside["reason"] == "duplicate":
            wanted = measured(aside["sensor_id"], aside["timestamp"])
            first = [*self._layers.silver(wanted, aside["timestamp"].date()), *self._layers.aside(wanted)]
            other = min((place_of(item) for item in first), default=None)
            detail["duplicate_of"] = other._asdict() if other else None
            return Step(
                "silver", "stopped", f"refine set it aside as a duplicate of {other or 'an earlier one'}", detail
            )
        minutes = watermark_of(self._pipeline)
        words = f"refine deferred it, for it came later than the watermark of {minutes:g} min allows"
        newest = self._layers.newest_before(row) if row and "ingest_seq" in row else None
        if newest is not None:
            behind = (newest - aside["timestamp"]).total_seconds()
            detail |= {"sensor_newest": _text(newest), "seconds_behind": behind}
            words += f": {behind / 60:.1f} min behind its sensor's newest"
        return Step("silver", "stopped", f"{words}; the next batch run over its day absorbs it", detail)

    def _kept(self, row: dict[str, Any]) -> list[Step]:
        score = row["anomaly_score"]
        detail = {
            **self._commit(Query.REFINE, row["refine_seq"]),
            "version": row["job_version"],
            "batch_run": row["batch_run"],
            "anomaly_score": score,
            "anomaly_reasons": row["anomaly_reasons"],
            "runs": self._runs(row),
            "checks": self._checks(Layer.SILVER, row["timestamp"]),
        }
        by = (
            "refine kept it" if row["batch_run"] is None else f"it was deferred, and run {row['batch_run']} absorbed it"
        )
        silver = Step("silver", "present", by, detail)
        window = self._layers.window(row["sensor_id"], row["timestamp"])
        if window is None or not self._is_counted(row, window):
            return [silver, Step("gold", "waiting", "it waits for its window in Gold to count it")]
        start = f"the window of {row['sensor_id']} from {window['window_start']:%Y-%m-%d %H:%M} UTC"
        detail = {
            "window_start": _text(window["window_start"]),
            "reading_count": window["reading_count"],
            "changed_by": self._commit(Query.AGGREGATE, window["gold_seq"]),
            "checks": self._checks(Layer.GOLD, window["window_start"]),
        }
        return [silver, Step("gold", "present", f"{start} counts it", detail), self._warehouse(row, window, start)]

    def _is_counted(self, row: dict[str, Any], window: dict[str, Any]) -> bool:
        """Whether the stream, or a batch run that made the window anew, has come as far as this reading."""
        if row["batch_run"] is not None:
            return self._gold_version(row["batch_run"]) is not None
        reached = [seq for seq in (window["refine_seq"], window["fence_seq"]) if seq is not None]
        return max(reached, default=-1) >= row["refine_seq"]

    def _gold_version(self, run: int) -> int | None:
        """The version of gold/sensor_5min that a batch run has brought about."""
        told = MicroBatch.objects.filter(pipeline=self._pipeline, query=BatchQuery.GOLD, batch=run)
        return told.values_list("table_version", flat=True).first()

    def _warehouse(self, row: dict[str, Any], window: dict[str, Any], start: str) -> Step:
        try:
            found = fact(os.environ["PENSTOCK_WAREHOUSE_URL"], row["sensor_id"], window["window_start"])
        except WarehouseUnreadable as error:
            return Step("warehouse", "unknown", str(error))
        if found.gold_version is None or not self._is_loaded(row, found.gold_version):
            return Step("warehouse", "waiting", "it waits for the next load")
        if window["batch_seq"] in found.held:
            words = f"{start} is held back: the run that made it has not passed its checks"
            return Step("warehouse", "waiting", words, {"reading_count": found.reading_count})
        loads = self._pipeline.loads.filter(status=LoadStatus.SUCCEEDED, gold_seq__gte=window["gold_seq"] or 0)
        load = loads.order_by("committed_at").values("pk", "committed_at").first() or {}
        detail = {"gold_version": found.gold_version, "reading_count": found.reading_count}
        detail |= {"load": load.get("pk"), "loaded_at": _text(load.get("committed_at"))}
        if found.reading_count is None:
            return Step(
                "warehouse", "missing", f"{start} was loaded, and is not there: see penstock ledger verify", detail
            )
        words = f"it is in the warehouse: {start} has {found.reading_count} readings there"
        return Step("warehouse", "present", words, detail)

    def _is_loaded(self, row: dict[str, Any], version: int) -> bool:
        """Whether Gold counted it already in the version that the newest load was made from."""
        if row["batch_run"] is not None:
            counted = self._gold_version(row["batch_run"])
            return counted is not None and counted <= version
        try:
            then = self._layers.window(row["sensor_id"], row["timestamp"], version)
        except DeltaError:
            return False
        return then is not None and self._is_counted(row, then)

    def _runs(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Batch runs that went over its day, the newest first."""
        day = row["event_date"]
        over = Run.objects.filter(pipeline=self._pipeline, first_day__lte=day, last_day__gte=day)
        done = over.filter(state=RunState.SUCCEEDED).order_by("-pk")[:SHOWN]
        return [{"run": run.pk, "kind": run.kind, "ended_at": _text(run.ended_at)} for run in done]

    def _checks(self, layer: Layer, at: datetime) -> list[dict[str, Any]]:
        """Suites that have looked at the layer's rows of that time, the newest first."""
        over = SuiteEvaluation.objects.filter(suite__pipeline=self._pipeline, version__layer=layer)
        newest = over.filter(start__lte=at, end__gt=at).select_related("suite", "version").order_by("-pk")[:SHOWN]
        return [
            {"suite": item.suite.name, "version": item.version.number, "run": item.run, "verdict": item.verdict}
            for item in newest
        ]

    def _commit(self, query: str, seq: int | None) -> dict[str, Any]:
        """The micro-batch of a sequence number, and the version of its table that it made."""
        if seq is None or seq < 0:
            return {}
        generation, batch = divmod(seq, BATCHES)
        told = MicroBatch.objects.filter(
            pipeline=self._pipeline, query=query, generation=generation, batch=batch
        ).first()
        detail: dict[str, Any] = {"query": str(query), "generation": generation, "batch": batch}
        if told is not None:
            detail |= {"table_version": told.table_version, "committed_at": _text(told.committed_at)}
        return detail


def _text(value: Any) -> Any:
    """What JSON has no word for, as text."""
    return value if value is None or isinstance(value, int | float | str) else value.isoformat()
