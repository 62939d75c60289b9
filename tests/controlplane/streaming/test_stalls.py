"""Whether a query gets on, by what was seen of it at one moment and another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.streaming.stalls import Mark, Seen, has_recovered, marked, patience, stall

START = datetime(2026, 1, 1, tzinfo=UTC)
LONG = timedelta(minutes=2)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def watched(*seen: tuple[float, int | None, float | None]) -> str | None:
    """The judgement after looks at (second, what waits, second of the last commit)."""
    mark, words = None, None
    for second, waiting, committed in seen:
        look = Seen(waiting, None if committed is None else after(committed))
        mark = marked(mark, look, after(second))
        words = stall(mark, look, after(second), LONG)
    return words


def test_a_query_that_commits_nothing_while_its_lag_grows_stands_still() -> None:
    assert watched((0, 100, -1), (121, 350, -1)) == "no batch for 121 s, while 350 readings wait, 250 more than then"


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param([(0, 100, None), (120, 350, None)], id="not for long enough"),
        pytest.param([(0, 100, None), (500, 100, None)], id="nothing arrives"),
        pytest.param([(0, 100, None), (500, 60, None)], id="the lag shrinks"),
        pytest.param([(0, 100, -1), (100, 200, 99), (130, 300, 99)], id="it committed meanwhile"),
        pytest.param([(0, 0, -1), (600, 0, -1), (605, 40, -1)], id="the first readings after a silence"),
        pytest.param([(0, 100, None), (500, None, None)], id="nobody knows the lag"),
        pytest.param([(0, 100, None), (100, None, None), (200, 900, None)], id="nobody knew it in between"),
    ],
)
def test_a_query_does_not_stand_still(seen: list[tuple[float, int | None, float | None]]) -> None:
    assert watched(*seen) is None


def test_a_silence_that_began_with_readings_is_counted_from_the_last_look_without_any() -> None:
    assert watched((0, 0, -1), (600, 0, -1), (605, 40, -1), (725, 90, -1)) is not None


def test_who_has_slow_triggers_or_large_batches_is_given_time() -> None:
    assert patience({}) == timedelta(minutes=2)
    assert patience({"trigger_seconds": 300}) == timedelta(minutes=15)
    assert patience({"max_offsets_per_trigger": 10_000_000}) > timedelta(minutes=30)


@pytest.mark.parametrize(
    ("refine", "recovered"),
    [
        (Seen(5, after(1)), True),
        (Seen(0, None), True),
        (Seen(5, after(-1)), False),
        (Seen(5, None), False),
        (Seen(None, after(1)), False),
    ],
)
def test_a_job_has_recovered_when_every_query_has_committed_since_or_has_nothing_to(
    refine: Seen, recovered: bool
) -> None:
    assert has_recovered({"ingest": Seen(7, after(2)), "refine": refine}, since=START) is recovered


def test_a_mark_stays_until_there_is_a_newer_batch() -> None:
    mark = Mark(START.timestamp(), 10)
    assert marked(mark, Seen(50, after(-1)), after(60)) is mark
    assert marked(mark, Seen(50, after(1)), after(60)) == Mark(after(60).timestamp(), 50)
