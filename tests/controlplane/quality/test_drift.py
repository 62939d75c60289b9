from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from controlplane.quality import drift
from controlplane.quality.drift import MEAN, NULL_SHARE, SPREAD, VOLUME
from spark_jobs.suites import Profile, Result

DAY = date(2026, 3, 9)
USUAL: dict[str, Any] = {"readings": 1000, "null_share": 0.05, "mean": 21.0, "spread": 2.0}


def profile(day: date, **figures: float) -> Profile:
    return Profile(day=day.isoformat(), sensor_type="temperature", **USUAL | figures)


def before(count: int, **figures: float) -> dict[date, Profile]:
    days = [DAY - timedelta(days=number) for number in range(1, count + 1)]
    return {day: profile(day, **figures) for day in days}


def judged(kind: str, profiles: dict[date, Profile], *, over: bool = True, **arguments: float) -> Result:
    item = {"type": kind, "arguments": arguments}
    (result,) = drift.drift([item], {DAY: over}, {"temperature": profiles})
    return result


@pytest.mark.parametrize(
    ("kind", "figures", "verdict"),
    [
        (VOLUME, {"readings": 500}, "passed"),
        (VOLUME, {"readings": 499}, "failed"),
        (VOLUME, {"readings": 2000}, "passed"),
        (VOLUME, {"readings": 2001}, "failed"),
        (VOLUME, {"readings": 0}, "failed"),
        (NULL_SHARE, {"null_share": 0.15}, "passed"),
        (NULL_SHARE, {"null_share": 0.151}, "failed"),
        (NULL_SHARE, {"null_share": 0.0}, "passed"),  # fewer of them are no fault
        (MEAN, {"mean": 22.0}, "passed"),
        (MEAN, {"mean": 22.01}, "failed"),
        (MEAN, {"mean": 19.99}, "failed"),
        (SPREAD, {"spread": 1.0}, "passed"),
        (SPREAD, {"spread": 0.99}, "failed"),
        (SPREAD, {"spread": 4.01}, "failed"),
    ],
)
def test_the_limits(kind: str, figures: dict[str, float], verdict: str) -> None:
    result = judged(kind, before(7) | {DAY: profile(DAY, **figures)})
    assert result.verdict == verdict
    assert result.unexpected == (verdict == "failed")
    assert bool(result.samples) == (verdict == "failed")
    assert bool(result.message) == (verdict == "failed")


def test_a_limit_of_its_own_is_what_counts() -> None:
    profiles = before(7) | {DAY: profile(DAY, readings=400)}
    assert judged(VOLUME, profiles, limit=3).verdict == "passed"
    assert judged(VOLUME, profiles, limit=2).verdict == "failed"


@pytest.mark.parametrize(("count", "verdict"), [(0, "empty"), (2, "empty"), (3, "passed")])
def test_below_three_days_nothing_is_usual(count: int, verdict: str) -> None:
    result = judged(MEAN, before(count) | {DAY: profile(DAY)})
    assert result.verdict == verdict
    if verdict == "empty":
        assert result.message == f"{DAY} has {count} days before it; 3 are needed"


def test_a_day_is_held_against_the_median_of_the_last_seven() -> None:
    older = {DAY - timedelta(days=number): profile(DAY, readings=9) for number in range(8, 20)}
    odd = {DAY - timedelta(days=1): profile(DAY, readings=100_000)}
    result = judged(VOLUME, older | before(7) | odd | {DAY: profile(DAY)})
    assert (result.verdict, result.observed["usual"], result.observed["days"]) == ("passed", 1000, 7)


def test_days_of_long_ago_say_nothing_of_what_is_usual() -> None:
    old = {DAY - timedelta(days=29 + number): profile(DAY) for number in range(7)}
    assert judged(VOLUME, old | {DAY: profile(DAY)}).verdict == "empty"


def test_a_type_that_is_gone_has_a_volume_of_none_and_no_other_figure() -> None:
    assert judged(VOLUME, before(7)).observed == {"day": f"{DAY}", "value": 0.0, "usual": 1000.0, "days": 7}
    assert judged(VOLUME, before(7)).verdict == "failed"
    for kind in (NULL_SHARE, MEAN, SPREAD):
        assert judged(kind, before(7)).verdict == "empty"


def test_a_type_that_has_been_gone_for_most_of_the_days_is_usual_again() -> None:
    gone = {DAY - timedelta(days=number): profile(DAY, readings=0) for number in range(1, 5)}
    assert judged(VOLUME, before(7) | gone).verdict == "empty"
    assert judged(MEAN, before(7) | gone | {DAY: profile(DAY)}).verdict == "passed"  # against the days that had any


def test_the_volume_of_a_day_that_is_not_over_says_nothing() -> None:
    profiles = before(7) | {DAY: profile(DAY, readings=10, mean=40.0)}
    assert judged(VOLUME, profiles, over=False).verdict == "empty"
    assert judged(MEAN, profiles, over=False).verdict == "failed"


def test_sensors_that_never_move_drift_when_they_do_and_not_by_rounding() -> None:
    still = before(7, spread=0.0)
    assert judged(MEAN, still | {DAY: profile(DAY, spread=0.0, mean=21.0 + 1e-12)}).verdict == "passed"
    assert judged(MEAN, still | {DAY: profile(DAY, spread=0.0, mean=21.5)}).verdict == "failed"
    assert judged(SPREAD, still | {DAY: profile(DAY, spread=1e-12)}).verdict == "passed"
    assert judged(SPREAD, still | {DAY: profile(DAY, spread=0.5)}).verdict == "failed"


def test_of_several_days_the_worst_is_told_with_each_that_drifted() -> None:
    days = {DAY + timedelta(days=number): True for number in range(3)}
    told = before(7) | {day: profile(day) for day in days} | {DAY: profile(DAY, readings=1)}
    (result,) = drift.drift([{"type": VOLUME, "arguments": {}}], days, {"temperature": told})
    assert (result.verdict, result.unexpected, result.observed["day"]) == ("failed", 1, f"{DAY}")


@pytest.mark.parametrize(
    ("item", "place"),
    [
        ({"type": "drift_colour", "arguments": {}}, "expectations.0.type"),
        ({"type": VOLUME, "arguments": {"limit": "2"}}, "expectations.0.limit"),
        ({"type": VOLUME, "arguments": {"limit": 0.5}}, "expectations.0.limit"),
        ({"type": VOLUME, "arguments": {"limit": True}}, "expectations.0.limit"),
        ({"type": VOLUME, "arguments": {"limit": 10**400}}, "expectations.0.limit"),
        ({"type": NULL_SHARE, "arguments": {"limit": 1.1}}, "expectations.0.limit"),
        ({"type": MEAN, "arguments": {"limit": float("nan")}}, "expectations.0.limit"),
        ({"type": MEAN, "arguments": {"column": "value"}}, "expectations.0.column"),
    ],
)
def test_what_the_suite_cannot_say(item: dict[str, Any], place: str) -> None:
    assert list(drift.drift_complaints([item])) == [place]


def test_the_provided_suite_can_be_said_and_says_nothing_twice() -> None:
    assert drift.drift_complaints(drift.PROVIDED["expectations"]) == {}
    assert list(drift.drift_complaints(drift.PROVIDED["expectations"][:1] * 2)) == ["expectations.1.type"]
