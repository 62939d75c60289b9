"""Whether a day of a sensor type is like the days before it. Pure.

A figure of the day is held against the median of the type's own days before it: up to 7, at least 3. The suite `drift`
says what is looked at, an expectation each, and how far it may go, where that is not the usual limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from spark_jobs.suites import Layer, Profile, Result, Severity, Verdict, worst

SUITE = "drift"
MOST_DAYS = 7  # that a day is compared with
LEAST_DAYS = 3  # below, nothing is usual yet
REACH_DAYS = 28  # how far back these may lie
MOST_SAMPLES = 20  # days shown of one result
NOISE = 1e-9  # what the order of a sum may change of a mean or a spread

VOLUME, NULL_SHARE, MEAN, SPREAD = "drift_volume", "drift_null_share", "drift_mean", "drift_spread"
LIMITS: dict[str, float] = {
    VOLUME: 2.0,  # times the usual readings of a day: between 1/2 and 2 times
    NULL_SHARE: 0.1,  # of all readings, that more of them have no z-score than usual
    MEAN: 0.5,  # usual spreads, by which the mean has moved either way
    SPREAD: 2.0,  # times the usual spread: between 1/2 and 2 times
}
MEANT = {
    VOLUME: "readings of the day, outside of 1/limit to limit times the usual",
    NULL_SHARE: "share of readings without a z-score, more than limit (0 to 1) above the usual",
    MEAN: "mean of the day, moved by more than limit usual spreads",
    SPREAD: "standard deviation of the day, outside of 1/limit to limit times the usual",
}
LEAST_LIMIT = {VOLUME: 1.0, NULL_SHARE: 0.0, MEAN: 0.0, SPREAD: 1.0}
MOST_LIMIT = {VOLUME: 1000.0, NULL_SHARE: 1.0, MEAN: 1000.0, SPREAD: 1000.0}
PROVIDED: dict[str, Any] = {
    "name": SUITE,
    "layer": str(Layer.SILVER),
    "severity": str(Severity.WARN),
    "expectations": [{"type": kind, "arguments": {}} for kind in LIMITS],
}


@dataclass(frozen=True)
class Found:
    """What a figure of a day came to beside what is usual."""

    verdict: Verdict
    day: str
    value: float | None = None
    usual: float | None = None
    days: int = 0  # that `usual` is of
    words: str = ""

    def shown(self) -> dict[str, Any]:
        return {"day": self.day, "value": self.value, "usual": self.usual, "days": self.days}


def drift_complaints(expectations: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Sentences by place for what the suite `drift` cannot say."""
    errors: dict[str, list[str]] = {}
    seen: set[str] = set()
    for at, item in enumerate(expectations):
        kind, told = item["type"], item["arguments"]
        if kind not in LIMITS:
            errors[f"expectations.{at}.type"] = [f"one of {', '.join(LIMITS)}"]
            continue
        if kind in seen:
            errors[f"expectations.{at}.type"] = [f"{kind} is there already"]
        seen.add(kind)
        for name in sorted(set(told) - {"limit"}):
            errors[f"expectations.{at}.{name[:100]}"] = ["unknown; it may have a limit"]
        if "limit" in told and (words := _complaint(kind, told["limit"])):
            errors[f"expectations.{at}.limit"] = [words]
    return errors


def drift(
    expectations: Sequence[Mapping[str, Any]],
    days: Mapping[date, bool],
    profiles: Mapping[str, Mapping[date, Profile]],
) -> list[Result]:
    """A result for each expectation and sensor type, of the worst of the days.

    `days` are judged, with whether each is over: of one that is not, the volume says nothing. `profiles` has those of
    these days and of complete ones before, by type and day.
    """
    return [
        _result(item, sensor_type, [_look(item, day, over, of_type) for day, over in sorted(days.items())])
        for item in expectations
        for sensor_type, of_type in sorted(profiles.items())
    ]


def _result(item: Mapping[str, Any], sensor_type: str, found: list[Found]) -> Result:
    known = [each.verdict for each in found if each.verdict != Verdict.EMPTY]
    verdict = worst([str(each) for each in known])
    telling = [each for each in found if each.verdict == verdict]
    newest = telling[-1] if telling else None
    drifted = [each for each in found if each.verdict == Verdict.FAILED]
    return Result(
        type=item["type"],
        arguments={"sensor_type": sensor_type, **item["arguments"]},
        verdict=str(verdict),
        observed=newest.shown() if newest else None,
        unexpected=len(drifted),
        samples=[each.shown() for each in drifted[:MOST_SAMPLES]],
        message="; ".join(each.words for each in telling[-3:] if each.words),
    )


def _look(item: Mapping[str, Any], day: date, over: bool, of_type: Mapping[date, Profile]) -> Found:
    kind, at = item["type"], day.isoformat()
    if kind == VOLUME and not over:
        return Found(Verdict.EMPTY, at, words=f"{at} was not over")
    now = of_type.get(day)
    before = [of_type[other] for other in sorted(of_type) if other < day and (day - other).days <= REACH_DAYS]
    if kind != VOLUME:
        before = [profile for profile in before if profile.readings]
    before = before[-MOST_DAYS:]
    if len(before) < LEAST_DAYS:
        return Found(Verdict.EMPTY, at, words=f"{at} has {len(before)} days before it; {LEAST_DAYS} are needed")
    if kind != VOLUME and (now is None or not now.readings):
        return Found(Verdict.EMPTY, at, days=len(before), words=f"{at} has no readings")
    limit = float(item["arguments"].get("limit", LIMITS[kind]))
    value, usual = _figure(kind, now), median(_figure(kind, profile) for profile in before)
    told: dict[str, Any] = {"day": at, "value": value, "usual": usual, "days": len(before)}
    if kind == VOLUME and not usual:
        return Found(Verdict.EMPTY, **told, words=f"{at}: there are usually none")
    if _holds(kind, value, usual, median(profile.spread for profile in before), limit):
        return Found(Verdict.PASSED, **told)
    return Found(Verdict.FAILED, **told, words=f"{at}: {value:.6g} instead of about {usual:.6g}")


def _figure(kind: str, profile: Profile | None) -> float:
    if profile is None:
        return 0.0
    figures = {VOLUME: profile.readings, NULL_SHARE: profile.null_share, MEAN: profile.mean, SPREAD: profile.spread}
    return float(figures[kind])


def _holds(kind: str, value: float, usual: float, usual_spread: float, limit: float) -> bool:
    if math.isclose(value, usual, rel_tol=NOISE, abs_tol=NOISE):
        return True
    if kind == NULL_SHARE:
        return value - usual <= limit + NOISE
    if kind == MEAN:
        return abs(value - usual) <= limit * usual_spread + NOISE
    return usual / limit <= value <= usual * limit


def _complaint(kind: str, limit: Any) -> str:
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        return "a number is needed"
    least, most = LEAST_LIMIT[kind], MOST_LIMIT[kind]
    return "" if least <= limit <= most else f"between {least:g} and {most:g}"
