from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.transforms.judging import (
    DEFERRED,
    DUPLICATE,
    KEPT,
    NEVER,
    UNSURE,
    UNSURE_LATE,
    Judgement,
    Memory,
    Rules,
    judge,
)

RULES = Rules(watermark=100, window=5, minimum=3, max_age=400)
SENSORS = 3


def empty() -> Memory:
    zeros = np.zeros(0, np.int64)
    never = np.full(SENSORS, NEVER)
    return Memory(np.zeros(SENSORS + 1, np.int64), zeros, np.zeros(0), never, never.copy())


@dataclass
class OneByOne:
    """The definition, a reading at a time, remembering everything."""

    times: list[int] = field(default_factory=list)
    kept: list[tuple[int, float]] = field(default_factory=list)

    def judge(self, time: int, value: float) -> tuple[str, float | None]:
        newest = max(self.times, default=time)
        duplicate = time in self.times
        self.times.append(time)
        if duplicate:
            return DUPLICATE, None
        if newest - time > RULES.watermark:
            return DEFERRED, None
        window = [v for at, v in self.kept[-RULES.window :] if time - at <= RULES.max_age]
        self.kept.append((time, value))
        if len(window) < RULES.minimum or (deviation := statistics.stdev(window)) == 0:
            return KEPT, None
        return KEPT, (value - statistics.fmean(window)) / deviation


readings = st.lists(
    st.tuples(st.integers(0, SENSORS - 1), st.integers(0, 900), st.sampled_from([1.0, 2.0, 2.5, 7.25])), max_size=120
)


def run(batch: list[tuple[int, int, float]], first: int, seen: list[bool], memory: Memory) -> Judgement:
    codes = np.array([code for code, _, _ in batch], np.int64)
    times = np.array([time for _, time, _ in batch], np.int64)
    values = np.array([value for _, _, value in batch], np.float64)
    return judge(codes, np.arange(first, first + len(batch)), times, values, np.array(seen, bool), memory, RULES)


def in_arrival_order(judgement: Judgement) -> tuple[list[str], list[float]]:
    back = np.argsort(judgement.order)
    return list(judgement.verdict[back]), list(judgement.score[back])


@settings(max_examples=200)
@given(readings, st.data())
def test_any_cut_into_batches_gives_the_verdicts_of_one_reading_at_a_time(
    all_readings: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    oracles = [OneByOne() for _ in range(SENSORS)]
    expected = [oracles[code].judge(time, value) for code, time, value in all_readings]

    cuts = sorted(data.draw(st.sets(st.integers(0, len(all_readings)), max_size=6)) | {0, len(all_readings)})
    memory, known, verdicts, scores = empty(), set(), [], []
    for start, end in pairwise(cuts):
        batch = all_readings[start:end]
        repeats = [(code, time) in known for code, time, _ in batch]
        # As refine does: what the memory cannot tell is looked up, and judged again when it may change a later one.
        judgement = run(batch, start, [False] * len(batch), memory)
        if UNSURE in judgement.verdict:
            judgement = run(batch, start, repeats, memory)
        memory = judgement.memory
        found, score = in_arrival_order(judgement)
        for verdict, repeat in zip(found, repeats, strict=True):
            late = DUPLICATE if repeat else DEFERRED
            verdicts.append({UNSURE: KEPT, UNSURE_LATE: late}.get(verdict, verdict))
        scores += score
        known |= {(code, time) for code, time, _ in batch}

    assert verdicts == [verdict for verdict, _ in expected]
    for got, (_, wanted) in zip(scores, expected, strict=True):
        if wanted is None:
            assert np.isnan(got)
        else:
            assert got == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(max_examples=100)
@given(readings, st.integers(0, 120))
def test_scores_are_the_same_to_the_last_bit_however_readings_are_cut(
    all_readings: list[tuple[int, int, float]], cut: int
) -> None:
    whole = in_arrival_order(run(all_readings, 0, [False] * len(all_readings), empty()))[1]
    left, right = all_readings[:cut], all_readings[cut:]
    first = run(left, 0, [False] * len(left), empty())
    repeats = [(code, time) in {(c, t) for c, t, _ in left} for code, time, _ in right]
    second = run(right, len(left), repeats, first.memory)
    halves = in_arrival_order(first)[1] + in_arrival_order(second)[1]
    assert np.array_equal(np.array(whole), np.array(halves), equal_nan=True)


def test_a_constant_sensor_has_no_score_whatever_its_value() -> None:
    batch = [(0, at, 0.1) for at in range(10)]
    assert np.isnan(run(batch, 0, [False] * 10, empty()).score).all()


def test_a_value_that_overflows_a_square_has_no_score_and_spoils_nothing_else() -> None:
    batch = [(0, at, 1e300 if at == 4 else float(at % 3)) for at in range(12)]
    batch += [(1, at, float(at % 3)) for at in range(12)]
    score = in_arrival_order(run(batch, 0, [False] * 24, empty()))[1]
    assert np.isfinite(score[12 + 11])
    assert all(np.isnan(value) or np.isfinite(value) for value in score)


def test_values_older_than_the_greatest_age_are_not_in_the_window() -> None:
    batch = [(0, at, float(at)) for at in range(5)] + [(0, 600, 3.0)]
    assert np.isnan(run(batch, 0, [False] * 6, empty()).score[-1])
