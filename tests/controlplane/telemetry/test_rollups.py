"""Series come from what the ledger changed, and are read in a resolution that fits the range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controlplane.core.errors import Invalid
from controlplane.pipelines.models import Pipeline
from controlplane.telemetry.metrics import KEPT, MOST_POINTS, Metric, Resolution
from controlplane.telemetry.models import Rollup
from controlplane.telemetry.selectors import series
from controlplane.telemetry.selectors.series import resolution_for
from controlplane.telemetry.services import ends_take, load_measure, messages_take, rollups_prune
from controlplane.telemetry.services.rollups import Sample, rollups_add
from spark_jobs.contracts import BatchCommitted, Entry, IngestProgress

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
AT = 1_790_000_000.0  # the start of a bucket of ten seconds


def take(*entries: Entry, at: float = AT, batch: int = 0, query: str = "ingest") -> None:
    message = BatchCommitted(pipeline="plant", at=at, query=query, generation=1, batch=batch, entries=entries)
    messages_take(topic="telemetry", messages=[message], offsets={0: 1})


def sums(metric: Metric, resolution: Resolution = Resolution.TEN_SECONDS) -> dict[tuple[int, str], float]:
    found = Rollup.objects.filter(metric=metric, resolution=resolution)
    return {(bucket, label): total for bucket, label, total in found.values_list("bucket", "label", "sum")}


def test_a_batch_adds_to_its_bucket_of_every_resolution(pipeline: Pipeline) -> None:
    take(Entry(0, "kafka", 10), Entry(3600, "kafka", 5), at=AT + 9.9)
    take(Entry(0, "kafka", 7), at=AT + 10, batch=1)
    ten, minute, hour = (sums(Metric.INGESTED, resolution) for resolution in Resolution)
    assert ten == {(AT, ""): 15.0, (AT + 10, ""): 7.0}
    assert list(minute.values()) == list(hour.values()) == [22.0]


def test_a_batch_told_again_adds_what_it_changes_and_nothing_else(pipeline: Pipeline) -> None:
    take(Entry(0, "kafka", 10))
    take(Entry(0, "kafka", 10), at=AT + 60)
    assert sums(Metric.INGESTED) == {(AT, ""): 10.0}
    take(Entry(0, "kafka", 12), at=AT + 60)
    assert sums(Metric.INGESTED) == {(AT, ""): 10.0, (AT + 60, ""): 2.0}


def test_dead_letters_are_kept_by_reason_and_anomalies_in_all(pipeline: Pipeline) -> None:
    take(Entry(0, "dead_letter", 2, "empty"), Entry(0, "dead_letter", 3, "not_utf8"))
    take(Entry(0, "anomaly", 1, "humidity"), Entry(0, "anomaly", 4, "pressure"), query="refine")
    assert sums(Metric.DEAD_LETTERS) == {(AT, "empty"): 2.0, (AT, "not_utf8"): 3.0}
    assert sums(Metric.ANOMALIES) == {(AT, ""): 5.0}


def test_a_load_adds_its_readings_and_its_latency_by_their_weight(pipeline: Pipeline) -> None:
    load_measure(pipeline=pipeline, readings=30, latency=[float(number) for number in range(101)], at=AT)
    load_measure(pipeline=pipeline, readings=10, latency=[2.0 * number for number in range(101)], at=AT + 5)
    load_measure(pipeline=pipeline, readings=0, latency=[], at=AT + 5)
    assert sums(Metric.LOADED) == {(AT, ""): 40.0}
    kept = Rollup.objects.get(metric=Metric.LATENCY_P95, resolution=Resolution.TEN_SECONDS)
    assert (kept.sum / kept.weight, kept.least, kept.greatest) == (pytest.approx(118.75), 95.0, 190.0)


def test_lag_is_sampled_by_partition_and_in_all_and_not_where_it_is_unknown(pipeline: Pipeline) -> None:
    messages_take(
        topic="telemetry",
        messages=[IngestProgress(pipeline="plant", at=1.0, offsets={"0": 5, "1": 5})],
        offsets={0: 1},
    )
    ends_take(pipeline=pipeline, ends={0: 8})
    assert {label for _, label in sums(Metric.LAG)} == {"0"}
    ends_take(pipeline=pipeline, ends={0: 9, 1: 25})
    kept = {
        label: (total, weight)
        for label, total, weight in Rollup.objects.filter(metric=Metric.LAG, resolution=Resolution.HOUR).values_list(
            "label", "sum", "weight"
        )
    }
    assert kept == {"0": (7.0, 2.0), "1": (20.0, 1.0), "": (24.0, 1.0)}


def test_what_is_old_is_forgotten_by_its_resolution(pipeline: Pipeline) -> None:
    now = timezone.now()
    for age in (timedelta(0), timedelta(days=2), timedelta(days=8), timedelta(days=366)):
        rollups_add(pipeline=pipeline, samples=[Sample((now - age).timestamp(), Metric.GOLD, 1.0)])
    assert rollups_prune() == 3 + 2 + 1
    assert sorted(Rollup.objects.values_list("resolution", flat=True)) == [10, 60, 60, 3600, 3600, 3600]


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (NOW - timedelta(seconds=15_000), NOW, Resolution.TEN_SECONDS),
        (NOW - timedelta(seconds=15_001), NOW, Resolution.MINUTE),
        (NOW - timedelta(days=2), NOW - timedelta(days=2) + timedelta(minutes=1), Resolution.MINUTE),
        (NOW - timedelta(minutes=1501), NOW, Resolution.HOUR),
        (NOW - timedelta(days=9), NOW - timedelta(days=9) + timedelta(hours=1), Resolution.HOUR),
        (NOW - timedelta(days=500), NOW - timedelta(days=499), Resolution.HOUR),
        (NOW, NOW, Resolution.TEN_SECONDS),
    ],
)
def test_the_resolution_is_the_finest_that_fits_and_is_still_kept(
    start: datetime, end: datetime, expected: Resolution
) -> None:
    assert resolution_for(start=start, end=end) == expected


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        (NOW, NOW - timedelta(seconds=1), "before it starts"),
        (NOW - timedelta(hours=1500, seconds=1), NOW, "longer than 1,500 hours"),
    ],
)
def test_a_range_that_makes_no_chart_is_refused(start: datetime, end: datetime, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        resolution_for(start=start, end=end)


def test_a_series_has_at_most_so_many_points_and_one_for_no_bucket_that_nobody_reported_in(pipeline: Pipeline) -> None:
    end = int(NOW.timestamp()) // 10 * 10
    start = end - MOST_POINTS * 10
    for bucket in range(start - 10, end + 20, 10):
        if bucket != start + 50:
            rollups_add(pipeline=pipeline, samples=[Sample(bucket, Metric.LAG, 3.0)])
    found = series(
        pipeline=pipeline,
        metrics=[Metric.LAG],
        start=datetime.fromtimestamp(start, UTC),
        end=datetime.fromtimestamp(end, UTC),
    )
    (one,) = found["series"]
    assert found["resolution_seconds"] == 10
    assert len(one["points"]) == MOST_POINTS - 1
    assert one["points"][0] == [start, 3.0, 3.0, 3.0]
    assert start + 50 not in [point[0] for point in one["points"]]
    assert (one["kind"], one["unit"], one["label"]) == ("gauge", "readings", "")


def test_a_rate_is_by_second_and_waits_until_its_bucket_is_over(pipeline: Pipeline) -> None:
    now = timezone.now()
    open_bucket = now.timestamp() // 10 * 10
    rollups_add(pipeline=pipeline, samples=[Sample(open_bucket - 10, Metric.SILVER, 500.0)])
    rollups_add(pipeline=pipeline, samples=[Sample(open_bucket + 20, Metric.SILVER, 1.0)])
    found = series(
        pipeline=pipeline, metrics=[Metric.SILVER], start=now - timedelta(minutes=5), end=now + timedelta(minutes=5)
    )
    assert [item["points"] for item in found["series"]] == [[[open_bucket - 10, 50.0, None, None]]]


def test_what_is_kept_outlasts_what_its_resolution_can_show() -> None:
    assert all(KEPT[item].total_seconds() / item >= MOST_POINTS for item in Resolution)
