from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.core.errors import Invalid
from controlplane.schedules.timing import Timing, timing_checked

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"  # forward on March 29 at 02:00, back on October 25 at 03:00


def due(cron: str, after: str, count: int, zone: str = BERLIN) -> list[str]:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return [f"{item:%m-%d %H:%M}" for item in Timing(cron, None, zone).next(start, count)]


def test_a_zone_says_which_hour_is_meant_in_summer_and_in_winter() -> None:
    assert due("30 0 * * *", "2026-03-28", 3) == ["03-28 23:30", "03-29 22:30", "03-30 22:30"]
    assert due("30 0 * * *", "2026-03-28", 2, "UTC") == ["03-28 00:30", "03-29 00:30"]
    assert due("0 8 * * *", "2026-03-28", 2, "Asia/Kolkata") == ["03-28 02:30", "03-29 02:30"]


def test_a_time_that_does_not_exist_is_due_at_the_first_that_does_and_once() -> None:
    assert due("30 2 * * *", "2026-03-28T12:00", 2) == ["03-29 01:00", "03-30 00:30"]
    assert due("0,30 2 * * *", "2026-03-28T12:00", 2) == ["03-29 01:00", "03-30 00:00"]


def test_a_time_that_exists_twice_is_due_the_first_time_only() -> None:
    assert due("30 2 * * *", "2026-10-24T12:00", 2) == ["10-25 00:30", "10-26 01:30"]
    # Asked between the two.
    assert due("30 2 * * *", "2026-10-25T00:45", 1) == ["10-26 01:30"]
    assert due("30 2 * * *", "2026-10-25T01:10", 1) == ["10-26 01:30"]


def test_what_goes_by_elapsed_time_goes_on_through_both() -> None:
    assert due("15 * * * *", "2026-03-29T00:00", 3) == ["03-29 00:15", "03-29 01:15", "03-29 02:15"]
    assert due("15 * * * *", "2026-10-24T23:30", 3) == ["10-25 00:15", "10-25 01:15", "10-25 02:15"]


@given(
    cron=st.sampled_from(["30 2 * * *", "0,30 1-3 * * *", "*/20 * * * *", "15 */2 * * *", "0 0 1,15 * MON"]),
    zone=st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]),
    start=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2026, 12, 1)),  # noqa: DTZ001
    pause=st.integers(1800, 200_000),
)
@settings(max_examples=40)
def test_however_often_it_is_asked_no_time_is_lost_or_told_twice(
    cron: str, zone: str, start: datetime, pause: int
) -> None:
    """Looking in parts finds what looking once finds: what was previewed is what is run."""
    timing, first = Timing(cron, None, zone), start.replace(microsecond=0, tzinfo=UTC)
    at_once = list(islice(timing.after(first), 6))
    assert all(earlier < later for earlier, later in pairwise(at_once))
    looked, parts = first, []
    while looked < at_once[-1]:
        until = min(looked + timedelta(seconds=pause), at_once[-1])
        parts += list(timing.up_to(looked + timedelta(seconds=1), until))
        looked = until
    assert parts == at_once


def test_an_interval_counts_from_the_epoch() -> None:
    found = Timing("", 90, "UTC").next(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), 2)
    assert [f"{item:%H:%M:%S}" for item in found] == ["00:01:30", "00:03:00"]
    hour = datetime(2026, 1, 1, 1, tzinfo=UTC)
    assert list(Timing("", 3600, "UTC").up_to(hour, hour)) == [hour]


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("cron", {"cron": "61 * * * *"}),
        ("cron", {"cron": "* * * *"}),
        ("cron", {"cron": "0 30 0 * * *"}),  # with seconds
        ("cron", {"cron": "@daily"}),
        ("cron", {"cron": "0 0 31 2 *"}),
        ("cron", {"cron": "0 0 * 2 MON#9"}),
        ("cron", {"cron": "*/0 * * * *"}),
        ("cron", {"cron": "٣ * * * *"}),
        ("cron", {"cron": ""}),
        ("cron", {"interval_seconds": 60}),
        ("interval_seconds", {"cron": "", "interval_seconds": 59}),
        ("interval_seconds", {"cron": "", "interval_seconds": 10**9}),
        ("timezone", {"timezone": "Mars/Olympus"}),
        ("timezone", {"timezone": "../../etc/passwd"}),
        ("timezone", {"timezone": "localtime"}),
        ("timezone", {"timezone": ""}),
    ],
)
def test_what_is_never_or_nowhere_is_refused_by_its_field(field: str, changed: dict) -> None:
    told = {"cron": "30 0 * * *", "interval_seconds": None, "timezone": "UTC", "now": NOW} | changed
    with pytest.raises(Invalid) as refused:
        timing_checked(**told)
    assert field in refused.value.errors


@settings(max_examples=100)
@given(st.text(alphabet="0123456789*/,-#LWMONJA ", min_size=9, max_size=20))
def test_any_text_is_accepted_or_refused(cron: str) -> None:
    timing = None
    with suppress(Invalid):
        timing = timing_checked(cron=cron, interval_seconds=None, timezone=BERLIN, now=NOW)
    assert timing is None or timing.next(NOW, 1)[0] > NOW
