from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from spark_jobs.jobs.context import MOST_RANGES, _counts, _runs

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def asked(*spans: tuple[int, int]) -> pl.DataFrame:
    rows = [{"sensor_id": "a", "offset": end, "begin": NOON + begin * MINUTE, "kafka_timestamp": NOON + end * MINUTE}
            for begin, end in spans]  # fmt: skip
    return pl.DataFrame(rows)


def test_spans_that_overlap_are_read_together() -> None:
    found = _runs(asked((60, 120), (0, 30), (10, 20), (100, 130)))
    assert found == [(NOON, NOON + 30 * MINUTE), (NOON + 60 * MINUTE, NOON + 130 * MINUTE)]


def test_of_many_spans_the_nearest_are_joined_and_none_is_left_out() -> None:
    spans = [(100 * at + (at % 7), 100 * at + 20) for at in range(3 * MOST_RANGES)]
    found = _runs(asked(*spans))
    assert 1 < len(found) <= MOST_RANGES
    for begin, end in spans:
        assert any(low <= NOON + begin * MINUTE and NOON + end * MINUTE <= high for low, high in found)


def test_what_counts_before_a_reading_arrived_in_its_own_span() -> None:
    rows = [("a", at, NOON + at * MINUTE) for at in range(0, 50, 10)] + [("b", 15, NOON + 15 * MINUTE)]
    found = pl.DataFrame(rows, ["sensor_id", "offset", "kafka_timestamp"], orient="row")
    assert _counts(asked((10, 35), (0, 5), (45, 50)), found).to_list() == [3, 1, 0]
    assert _counts(asked((10, 35)).with_columns(sensor_id=pl.lit("c")), found).to_list() == [0]
