"""Rows of every list, one for each number that a test wants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.alerts.models import Incident
from controlplane.alerts.states import IncidentKind
from controlplane.backfills.models import Backfill
from controlplane.backfills.models import Slot as BackfillSlot
from controlplane.deadletters.models import DeadLetter, DeadLetterGroup, Redrive
from controlplane.ledger.models import LedgerEntry
from controlplane.pipelines.models import Pipeline, PipelineVersion
from controlplane.quality.models import ExpectationResult, Suite, SuiteEvaluation, SuiteVersion
from controlplane.runs.models import Run, Stage
from controlplane.runs.states import STAGES, RunKind
from controlplane.schedules.models import Schedule, Slot
from controlplane.sensors.models import Sensor, SensorType
from controlplane.streaming.models import MicroBatch
from controlplane.warehouse.models import Load, LoadStatus

SAYS: dict[str, Any] = {
    "layer": "silver",
    "severity": "warn",
    "expectations": [{"type": "expect_column_values_to_not_be_null", "arguments": {"column": "value"}}],
}


def audit(pipeline: Pipeline, numbers: range) -> None:
    for number in numbers:
        actor = User.objects.create(username=f"somebody-{number}")
        AuditEntry.objects.create(actor=actor, action="test", object=str(number))


def batches(pipeline: Pipeline, numbers: range) -> None:
    now = timezone.now()
    rows = [{"query": "ingest", "generation": 1, "batch": number, "rows_in": number} for number in numbers]
    MicroBatch.objects.bulk_create(
        MicroBatch(pipeline=pipeline, table_version=1, seconds=0.5, committed_at=now, **row) for row in rows
    )


def entries(pipeline: Pipeline, numbers: range) -> None:
    row = {"pipeline": pipeline, "query": "ingest", "generation": 1, "hour": 3600, "measure": "kafka", "count": 1}
    LedgerEntry.objects.bulk_create(LedgerEntry(batch=number, **row) for number in numbers)


def incidents(pipeline: Pipeline, numbers: range) -> None:
    row = {"kind": IncidentKind.STREAM_STALLED, "cause": "c"}
    Incident.objects.bulk_create(Incident(object=f"object/{number}", **row) for number in numbers)


def loads(pipeline: Pipeline, numbers: range) -> None:
    row = {"pipeline": pipeline, "status": LoadStatus.SUCCEEDED, "latency": [1.0] * 101}
    Load.objects.bulk_create(Load(gold_seq=number, **row) for number in numbers)


def pipelines(pipeline: Pipeline, numbers: range) -> None:
    for number in numbers:
        made = Pipeline.objects.create(name=f"other-{number:03}", topic="t")
        PipelineVersion.objects.create(pipeline=made, number=1)


def sensors(pipeline: Pipeline, numbers: range) -> None:
    kind, now = SensorType.objects.first(), timezone.now()
    row = {"type_name": "temperature", "sensor_type": kind, "unit": "u", "location": "floor-1", "first_seen_at": now}
    Sensor.objects.bulk_create(Sensor(sensor_id=f"s-{number:03}", **row) for number in numbers)


def sensor_types(pipeline: Pipeline, numbers: range) -> None:
    ranges = {"normal_low": 1, "normal_high": 2, "physical_low": 0, "physical_high": 3}
    for number in numbers:
        SensorType.objects.create(name=f"type-{number:03}", unit="u", expected_interval_seconds=1, **ranges)


def runs(pipeline: Pipeline, numbers: range) -> None:
    row = {"pipeline": pipeline, "kind": "daily", "state": "succeeded", "queued_at": timezone.now()}
    made = Run.objects.bulk_create(Run(reason=f"{number}", **row) for number in numbers)
    names = enumerate(STAGES[RunKind.DAILY])
    Stage.objects.bulk_create(Stage(run=run, position=position, name=name) for position, name in names for run in made)


def tokens(pipeline: Pipeline, numbers: range) -> None:
    (owner,) = User.objects.filter(username="administrator")
    until = timezone.now() + timedelta(days=1)
    ApiToken.objects.bulk_create(
        ApiToken(user=owner, name="n", digest=f"{number}", expires_at=until) for number in numbers
    )


def versions(pipeline: Pipeline, numbers: range) -> None:
    PipelineVersion.objects.bulk_create(PipelineVersion(pipeline=pipeline, number=number + 2) for number in numbers)


def backfills(pipeline: Pipeline, numbers: range) -> None:
    first = date(2020, 1, 1)
    for _ in numbers:
        row = {"pipeline": pipeline, "throttle_lag": 1, "state": "succeeded"}
        made = Backfill.objects.create(first_day=first, last_day=first + timedelta(days=2), **row)
        days = enumerate((first, first + timedelta(days=1)), start=1)
        BackfillSlot.objects.bulk_create(BackfillSlot(backfill=made, day=day, position=at) for at, day in days)


def schedules(pipeline: Pipeline, numbers: range) -> None:
    row = {"pipeline": pipeline, "kind": "daily", "cron": "30 0 * * *"}
    Schedule.objects.bulk_create(Schedule(name=f"schedule-{number:03}", **row) for number in numbers)


def slots(pipeline: Pipeline, numbers: range) -> None:
    schedule, _ = Schedule.objects.get_or_create(pipeline=pipeline, name="nightly", kind="daily", cron="30 0 * * *")
    now = timezone.now()
    times = (now - timedelta(days=number) for number in numbers)
    Slot.objects.bulk_create(Slot(schedule=schedule, due_at=due, created_at=now) for due in times)


def letters(pipeline: Pipeline, numbers: range) -> None:
    group, _ = DeadLetterGroup.objects.get_or_create(pipeline=pipeline, reason="empty", shape="empty", fingerprint="e")
    row = {"pipeline": pipeline, "group": group, "topic": "t", "partition": 0, "ingest_seq": 0, "reason": "empty"}
    row |= {"kafka_timestamp": timezone.now(), "size": 0}
    DeadLetter.objects.bulk_create(DeadLetter(offset=number, **row) for number in numbers)


def letter_groups(pipeline: Pipeline, numbers: range) -> None:
    row = {"pipeline": pipeline, "reason": "empty", "shape": "empty"}
    DeadLetterGroup.objects.bulk_create(DeadLetterGroup(fingerprint=f"{number}", **row) for number in numbers)


def redrives(pipeline: Pipeline, numbers: range) -> None:
    Redrive.objects.bulk_create(Redrive(pipeline=pipeline, reason=f"{number}") for number in numbers)


def suites(pipeline: Pipeline, numbers: range) -> None:
    made = Suite.objects.bulk_create(Suite(pipeline=pipeline, name=f"suite-{number:03}") for number in numbers)
    SuiteVersion.objects.bulk_create(SuiteVersion(suite=suite, number=1, **SAYS) for suite in made)


def suite_versions(pipeline: Pipeline, numbers: range) -> None:
    suite, _ = Suite.objects.get_or_create(pipeline=pipeline, name="rows")
    known = suite.versions.count()
    owner = User.objects.first()
    SuiteVersion.objects.bulk_create(
        SuiteVersion(suite=suite, number=known + at, made_by=owner, **SAYS) for at, _ in enumerate(numbers, start=1)
    )


def evaluations(pipeline: Pipeline, numbers: range) -> None:
    suite_versions(pipeline, range(1))
    version = SuiteVersion.objects.filter(suite__name="rows").latest("number")
    now = timezone.now()
    row = {"suite": version.suite, "version": version, "verdict": "passed", "rows": 1, "seconds": 0.1}
    row |= {"start": now, "end": now, "evaluated_at": now}
    made = SuiteEvaluation.objects.bulk_create(SuiteEvaluation(run=number + 1, **row) for number in numbers)
    ExpectationResult.objects.bulk_create(
        ExpectationResult(evaluation=item, position=0, **SAYS["expectations"][0], verdict="passed") for item in made
    )


LISTS: dict[str, Callable[[Pipeline, range], None]] = {
    "audit": audit,
    "incidents": incidents,
    "pipelines": pipelines,
    "pipelines/plant/backfills": backfills,
    "pipelines/plant/batches": batches,
    "pipelines/plant/dead-letter-groups": letter_groups,
    "pipelines/plant/dead-letters": letters,
    "pipelines/plant/ledger-entries": entries,
    "pipelines/plant/loads": loads,
    "pipelines/plant/quality/evaluations": evaluations,
    "pipelines/plant/quality/suites": suites,
    "pipelines/plant/redrives": redrives,
    "pipelines/plant/runs": runs,
    "pipelines/plant/schedules": schedules,
    "pipelines/plant/versions": versions,
    "sensors": sensors,
    "sensor-types": sensor_types,
    "tokens": tokens,
}
