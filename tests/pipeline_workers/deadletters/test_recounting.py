from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from django.conf import settings
from django.utils import timezone

from controlplane.deadletters.models import DeadLetter, Redrive
from controlplane.pipelines.models import Pipeline
from pipeline_workers.deadletters.indexing import index
from pipeline_workers.deadletters.outcomes import outcome_read
from pipeline_workers.deadletters.recounting import letters_recounted
from spark_jobs.contracts import Table
from tests.django_database import pipeline
from tests.pipeline_workers.deadletters.bronze import reading, refuse

__all__ = ["pipeline"]
pytestmark = [pytest.mark.integration, pytest.mark.django_db]
TOPIC = "sensor-events"


@pytest.fixture
def lake(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Four letters of one partition, indexed; the first three were redriven to partition 1."""
    monkeypatch.setitem(settings.PENSTOCK, "lake", str(tmp_path / "lake"))
    refuse(str(tmp_path / "lake"), pipeline, [reading(number) for number in range(4)])
    index(pipeline)
    redrive = Redrive.objects.create(pipeline=pipeline, reason="r", sent=3, started_at=timezone.now())
    for letter in DeadLetter.objects.filter(offset__lt=3):
        letter.status, letter.redrive = "redriven", redrive
        letter.sent_partition, letter.sent_offset = 1, letter.offset
        letter.save()
    return str(tmp_path / "lake")


def write(lake: str, table: Table, *rows: dict) -> None:
    """Rows of partition 1 that arrived now."""
    opened, now = DeltaTable(table.under(lake)), timezone.now()
    fixed = {"topic": TOPIC, "partition": 1, "kafka_timestamp": now, "ingest_date": now.date(), "ingest_seq": 10**15}
    fixed |= {"refine_seq": 1, "event_date": now.date(), "timestamp": now}
    schema = pa.schema(opened.schema().to_arrow())
    kept = [{name: value for name, value in (fixed | row).items() if name in schema.names} for row in rows]
    write_deltalake(opened, pa.Table.from_pylist(kept, schema=schema), mode="append")


def record(offset: int, origin: int, disposition: str = "accepted") -> dict:
    told = {"penstock-redrive": str(Redrive.objects.get().pk), "penstock-origin": f"{TOPIC}/0/{origin}"}
    headers = [{"key": name, "value": value.encode()} for name, value in told.items()]
    return {"offset": offset, "disposition": disposition, "headers": headers}


def test_letters_that_are_where_they_should_be_are_accounted_for(pipeline: Pipeline, lake: str) -> None:
    write(lake, Table.BRONZE, *(record(offset, offset) for offset in range(2)))
    equation, problems = letters_recounted(pipeline)
    assert problems == []
    assert (equation["left"], equation["right"], equation["pending"], equation["holds"]) == (4, 4, 0, True)


def lose(lake: str) -> str:
    DeadLetter.objects.filter(offset=3).delete()
    return f"1 dead letters of bronze/readings are not in the index: {TOPIC} partition 0 offset 3"


def invent(lake: str) -> str:
    DeltaTable(Table.BRONZE.under(lake)).delete("disposition = 'dead_letter' AND \"offset\" = 3")
    return f"1 letters of the index are no dead letters of bronze/readings: {TOPIC} partition 0 offset 3"


def send_twice(lake: str) -> str:
    write(lake, Table.BRONZE, record(5, 0), record(6, 0))
    return f"1 letters were sent more than once by one redrive: {TOPIC} partition 1 offset 6"


def lose_on_the_way(lake: str) -> str:
    write(lake, Table.BRONZE, record(0, 0), record(2, 2))
    return f"1 redriven letters are not in bronze/readings where they were put: {TOPIC} partition 1 offset 1"


@pytest.mark.parametrize("hurt", [lose, invent, send_twice, lose_on_the_way])
def test_what_is_wrong_is_found_and_located(pipeline: Pipeline, lake: str, hurt: Callable[[str], str]) -> None:
    sentence = hurt(lake)
    equation, problems = letters_recounted(pipeline)
    assert sentence in problems
    assert not equation["holds"]


def test_what_became_of_what_was_sent_is_counted(pipeline: Pipeline, lake: str) -> None:
    redrive = Redrive.objects.get()
    outcome = outcome_read(redrive)
    assert {name: outcome[name] for name in ("pending", "kept", "deferred", "duplicate", "refused")} == {
        "pending": 3, "kept": 0, "deferred": 0, "duplicate": 0, "refused": 0
    }  # fmt: skip
    write(lake, Table.BRONZE, record(0, 0), record(1, 1), record(2, 2, "dead_letter"))
    write(lake, Table.SILVER, {"offset": 0})
    write(lake, Table.SET_ASIDE, {"offset": 1, "reason": "deferred"})
    outcome = outcome_read(redrive)
    assert {name: outcome[name] for name in ("pending", "kept", "deferred", "duplicate", "refused")} == {
        "pending": 0, "kept": 1, "deferred": 1, "duplicate": 0, "refused": 1
    }  # fmt: skip
    redrive.refresh_from_db()
    assert redrive.outcome == outcome
