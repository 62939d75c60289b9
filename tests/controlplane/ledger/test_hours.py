"""The equations by hour, and incidents where they do not hold.

Two hours: in each 10 records of which one is refused; 9 are read, 6 kept, in Gold and loaded.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from controlplane.alerts.models import Incident, Notification
from controlplane.core.errors import Invalid
from controlplane.deadletters.models import IndexMark
from controlplane.ledger.models import LedgerEntry, LedgerHour
from controlplane.ledger.selectors import Name, accounts, accounts_by_hour, imbalances
from controlplane.ledger.services import entries_record, imbalances_watch, load_record
from controlplane.ledger.services.imbalances import recount_tell
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import StreamingJob
from controlplane.streaming.states import Observed
from controlplane.warehouse.models import Load, LoadStatus
from spark_jobs.contracts import Entry, sequence

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
FIRST = 3600 * 494_000
SECOND = FIRST + 3600
BATCHES = {
    "ingest": {"kafka": 10, "accepted": 9, "dead_letter": 1},
    "refine": {"refined": 9, "kept": 6, "silver": 6, "duplicate": 2, "deferred": 1},
    "aggregate": {"aggregated": 6, "gold": 6},
}


def tell(pipeline: Pipeline, query: str, hour: int, number: int = 0, **other: int) -> None:
    told = {**BATCHES[query], **other}
    entries = [Entry(hour, measure, count, "empty" * (measure == "dead_letter")) for measure, count in told.items()]
    entries_record(pipeline=pipeline, query=query, generation=1, batch=number, entries=entries)


@pytest.fixture
def told(pipeline: Pipeline) -> Pipeline:
    for number, hour in enumerate((FIRST, SECOND)):
        for query in BATCHES:
            tell(pipeline, query, hour, number)
    load_record(pipeline=pipeline, load_id=1, rises={FIRST: 6, SECOND: 6})
    Load.objects.create(
        pipeline=pipeline,
        status=LoadStatus.SUCCEEDED,
        gold_seq=sequence(1, 1),
        gold_version=2,
        committed_at=timezone.now(),
    )
    return pipeline


def watch(pipeline: Pipeline, times: int = 2) -> list[Incident]:
    for _ in range(times):
        imbalances_watch(pipeline=pipeline)
    return list(Incident.objects.filter(kind="ledger_imbalance", cleared_at=None))


def test_each_hour_has_its_own_equations_and_they_sum_up_to_the_whole(told: Pipeline) -> None:
    hours = accounts_by_hour(told)
    assert [item.hour.timestamp() for item in hours] == [SECOND, FIRST]
    assert all(item.balanced for item in hours)
    assert [(it.left, it.right, it.pending) for it in hours[0].equations] == [
        (10, 10, 0), (9, 9, 0), (6, 6, 0), (6, 6, 0), (1, 0, 1),
    ]  # fmt: skip
    whole = accounts("plant")["equations"]
    assert [sum(item.equations[at].left for item in hours) for at in range(5)] == [item["left"] for item in whole]


def test_what_one_hour_waits_for_is_pending_in_that_hour(told: Pipeline) -> None:
    tell(told, "ingest", SECOND, 2)
    tell(told, "refine", FIRST, 2)
    tell(told, "aggregate", FIRST, 2)
    newest, oldest = accounts_by_hour(told)
    assert [item.pending for item in newest.equations] == [0, 9, 0, 0, 2]
    assert [item.pending for item in oldest.equations] == [0, -9, 0, 6, 1]
    assert imbalances(told).keys() == {Name.REFINED}  # nine were read that nobody accepted in that hour


def test_a_batch_told_again_moves_its_hours_and_leaves_none_behind(told: Pipeline) -> None:
    before = list(LedgerHour.objects.order_by("pk").values())
    tell(told, "ingest", SECOND, 1)
    assert list(LedgerHour.objects.order_by("pk").values()) == before
    tell(told, "ingest", SECOND, 1, kafka=11)
    assert LedgerHour.objects.get(hour=SECOND, measure="kafka").count == 11


def test_hours_of_entries_from_before_there_were_hours_are_summed_up(told: Pipeline) -> None:
    kept = sorted(LedgerHour.objects.values_list("hour", "measure", "count"))
    LedgerHour.objects.all().delete()
    import_module("controlplane.ledger.migrations.0005_hours_of_before").sum_up(apps, None)
    assert sorted(LedgerHour.objects.values_list("hour", "measure", "count")) == kept
    assert LedgerEntry.objects.count() == 2 * 10 + 2


@pytest.mark.parametrize("days", [0, -1, 32])
def test_a_range_that_is_none_or_too_long_is_refused(told: Pipeline, days: int) -> None:
    start = datetime.fromtimestamp(FIRST, UTC)
    with pytest.raises(Invalid):
        accounts_by_hour(told, start, start + timedelta(days=days))


def test_a_range_holds_the_hours_it_touches(told: Pipeline) -> None:
    start = datetime.fromtimestamp(FIRST, UTC) + timedelta(minutes=5)
    (hour,) = accounts_by_hour(told, start, start + timedelta(minutes=50))
    assert hour.hour.timestamp() == FIRST
    assert accounts_by_hour(told, until=datetime(1, 1, 1, tzinfo=UTC)) == []


def test_an_imbalance_that_stands_is_an_incident_that_names_hour_side_and_difference(told: Pipeline) -> None:
    tell(told, "aggregate", SECOND, 1, gold=4)
    assert watch(told, times=1) == []
    (found, other) = sorted(watch(told, times=1), key=lambda item: item.object)
    assert (found.object, other.object) == ("pipeline/plant/ledger/aggregated", "pipeline/plant/ledger/loaded")
    assert found.cause == (
        "Silver = Gold does not hold: 2026-05-10 09:00 to 10:00 UTC: Silver has 6, Gold 4: 2 too few in Gold"
    )
    assert "the warehouse 6: 2 too many in the warehouse" in other.cause
    assert Notification.objects.count() == 2


def test_it_clears_when_it_is_mended_and_follows_what_is_found_until_then(told: Pipeline) -> None:
    tell(told, "ingest", FIRST, 0, kafka=12)
    (found,) = watch(told)
    assert "Kafka has 12, Bronze 10: 2 too few in Bronze" in found.cause
    tell(told, "ingest", SECOND, 1, kafka=11)
    (again,) = watch(told)
    assert again.pk == found.pk
    assert "10:00 UTC: Kafka has 11" in again.cause
    assert "09:00 UTC: Kafka has 12" in again.cause
    tell(told, "ingest", FIRST, 0)
    tell(told, "ingest", SECOND, 1)
    assert watch(told, times=1) == []
    assert Incident.objects.get(pk=found.pk).resolution == "Kafka = Bronze holds again"
    assert Notification.objects.count() == 1


def test_a_difference_that_moves_is_on_its_way_and_no_incident(told: Pipeline) -> None:
    for number in range(4):
        tell(told, "aggregate", SECOND, 1, gold=6 + number, aggregated=6)
        assert watch(told, times=1) == []


def test_two_hours_that_make_up_for_each_other_are_both_found(told: Pipeline) -> None:
    tell(told, "ingest", FIRST, 0, kafka=11)
    tell(told, "ingest", SECOND, 1, kafka=9)
    assert accounts("plant")["equations"][0]["holds"]
    (found,) = watch(told)
    assert "1 too few in Bronze" in found.cause
    assert "1 too many in Bronze" in found.cause


def test_dead_letters_that_the_index_has_lost_are_found_in_their_hour(told: Pipeline) -> None:
    IndexMark.objects.create(pipeline=told, ingest_seq=sequence(1, 0))  # it has passed the first, and has no letter
    (found,) = watch(told)
    assert found.object == "pipeline/plant/ledger/letters"
    assert "08:00 to 09:00 UTC: Bronze's dead letters has 1, their index and fates 0" in found.cause
    assert "09:00 to 10:00" not in found.cause


@pytest.mark.parametrize("silent", [timedelta(seconds=60), None])
def test_nothing_is_judged_while_the_telemetry_is_silent(told: Pipeline, silent: timedelta | None) -> None:
    tell(told, "ingest", FIRST, 0, kafka=12)
    heard = timezone.now() - silent if silent else None
    StreamingJob.objects.filter(pipeline=told).update(observed=Observed.RUNNING, heartbeat_at=heard)
    assert watch(told) == []
    StreamingJob.objects.update(heartbeat_at=timezone.now())
    assert len(watch(told)) == 1


def test_what_a_recount_found_is_an_incident_until_one_finds_nothing(pipeline: Pipeline) -> None:
    problems = [f"problem {number}" for number in range(7)]
    recount_tell(pipeline=pipeline, result={"problems": problems, "balanced": False, "equations": []})
    (found,) = Incident.objects.filter(cleared_at=None)
    assert found.object == "pipeline/plant/ledger/recount"
    assert found.cause == "problem 0; problem 1; problem 2; problem 3; problem 4; and 2 more"
    recount_tell(pipeline=pipeline, result={"problems": [], "balanced": True, "equations": []})
    assert not Incident.objects.filter(cleared_at=None).exists()
