"""Refine's arithmetic on arrays: which readings are duplicates, which are late, and how each kept one scores.

A reading is judged against its own sensor's earlier readings alone, in arrival order, so the verdicts are the same
however the readings fall into batches. What must be known of the past is a Memory per sensor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEVER = np.int64(-(2**62))
CHUNK = 4096

KEPT, DUPLICATE, DEFERRED, UNSURE, UNSURE_LATE, MEMORY = (
    "kept",
    "duplicate",
    "deferred",
    "unsure",
    "unsure_late",
    "memory",
)


@dataclass(frozen=True)
class Rules:
    """`watermark` and `max_age` in microseconds; `window` and `minimum` in readings."""

    watermark: int
    window: int
    minimum: int
    max_age: int


@dataclass(frozen=True)
class Memory:
    """What is known of each sensor's past, by the sensor's code 0..n-1.

    `starts` (n + 1) cuts `times` (microseconds) and `values` into each sensor's last kept readings, oldest first.
    `newest` is the greatest time seen. At or before `forgotten`, readings may exist that are no longer here.
    """

    starts: Ints
    times: Ints
    values: Floats
    newest: Ints
    forgotten: Ints


@dataclass(frozen=True)
class Judgement:
    """`order` sorts the readings by sensor and arrival; `verdict` and `score` are in that order."""

    order: Ints
    verdict: npt.NDArray[np.object_]
    score: Floats
    memory: Memory


def judge(
    codes: Ints,
    arrival: Ints,
    times: Ints,
    values: Floats,
    seen: Bools,
    memory: Memory,
    rules: Rules,
    *,
    score_late: bool = False,
) -> Judgement:
    """Judge readings: `codes` names the sensor, `arrival` its order (offset), `times` are microseconds.

    `seen` marks readings that are known to be in Silver or set aside already. Without that mark, a reading at or
    before its sensor's `forgotten` that nothing here repeats is UNSURE (or UNSURE_LATE): somebody must look it up. An
    UNSURE_LATE one is a duplicate or deferred, which touches no other verdict. With `score_late` deferred readings
    have a score, too, against the window that they met.
    """
    sensors = len(memory.newest)
    known = len(memory.times)
    order = np.lexsort((arrival, codes))
    memory_codes = np.repeat(np.arange(sensors, dtype=np.int64), np.diff(memory.starts))
    code = np.concatenate([memory_codes, codes[order]])
    time = np.concatenate([memory.times, times[order]])
    value = np.concatenate([memory.values, values[order]])
    is_reading = np.arange(len(code)) >= known
    # Stable: each sensor's memory before its readings, each in its own order.
    place = np.argsort(code, kind="stable")
    code, time, value, is_reading = code[place], time[place], value[place], is_reading[place]
    was_seen = np.concatenate([np.zeros(known, bool), seen[order]])[place]

    distinct, rank = np.unique(time, return_inverse=True)
    key = code * (len(distinct) + 1) + rank
    duplicate = is_reading & (was_seen | pd.Series(key).duplicated().to_numpy())
    late = is_reading & (_newest_before(code, key, distinct, memory.newest) - time > rules.watermark)
    unsure = is_reading & ~duplicate & (time <= memory.forgotten[code]) if sensors else duplicate

    kept = is_reading & ~duplicate & ~late
    verdict = np.full(len(code), DEFERRED, dtype=object)
    verdict[kept] = KEPT
    verdict[unsure & ~late] = UNSURE
    verdict[unsure & late] = UNSURE_LATE
    verdict[duplicate] = DUPLICATE

    in_window = kept | ~is_reading
    score = np.full(len(code), np.nan)
    window = Windows(code[in_window], time[in_window], value[in_window])
    before = np.cumsum(in_window) - in_window
    deferred = is_reading & late & ~duplicate
    scored = np.flatnonzero(kept | deferred if score_late else kept)
    score[scored] = zscores(window, before[scored], code[scored], time[scored], value[scored], rules)
    after = _remember(code, time, value, in_window, deferred, memory, rules.window)

    return Judgement(order=order, verdict=verdict[is_reading], score=score[is_reading], memory=after)


@dataclass(frozen=True)
class Windows:
    """The readings that windows are made of, sorted by sensor and arrival."""

    code: Ints
    time: Ints
    value: Floats


def zscores(window: Windows, before: Ints, code: Ints, time: Ints, value: Floats, rules: Rules) -> Floats:
    """Distance of each value from the mean of the `window` values of its sensor before it, in their deviations.

    In: `before`, how many rows of `window` come before the reading. Out: dimensionless; NaN where fewer than `minimum`
    of those are at most `max_age` older, and where their sample deviation (n - 1) is 0. Deviations are taken from the
    newest value of the window, not from 0, and always summed in the same order: the result depends on the window
    alone, and a constant sensor has a deviation of exactly 0.
    """
    width = rules.window
    score = np.full(len(code), np.nan)
    own = before - np.searchsorted(window.code, code, side="left")
    rows = np.flatnonzero(own >= rules.minimum)
    if not len(rows):
        return score
    values = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.zeros(width), window.value]), width)
    times = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.zeros(width, np.int64), window.time]), width)
    column = np.arange(width)
    for start in range(0, len(rows), CHUNK):
        row = rows[start : start + CHUNK]
        end = before[row]
        used = np.minimum(own[row], width)
        valid = (column >= (width - used)[:, None]) & (time[row][:, None] - times[end] <= rules.max_age)
        count = valid.sum(axis=1)
        reference = values[end][:, -1]
        with np.errstate(all="ignore"):
            distance = np.where(valid, values[end] - reference[:, None], 0.0)
            mean = distance.sum(axis=1) / count
            squares = np.where(valid, (distance - mean[:, None]) ** 2, 0.0).sum(axis=1)
            deviation = np.sqrt(squares / (count - 1))
            result = (value[row] - reference - mean) / deviation
        score[row] = np.where((count >= rules.minimum) & (deviation > 0) & np.isfinite(result), result, np.nan)
    return score


def _newest_before(code: Ints, key: Ints, distinct: Ints, newest: Ints) -> Ints:
    """The greatest time of the sensor before each row. Keys grow with the sensor, so one running maximum serves all."""
    if not len(code):
        return np.zeros(0, np.int64)
    running = np.maximum.accumulate(key) - code * (len(distinct) + 1)
    before = np.empty_like(code)
    before[0] = NEVER
    before[1:] = np.where(code[1:] == code[:-1], distinct[running[:-1]], NEVER)
    return np.maximum(before, newest[code])


def _remember(
    code: Ints, time: Ints, value: Floats, in_window: Bools, deferred: Bools, memory: Memory, width: int
) -> Memory:
    """The memory after the batch: the last `width` kept readings of each sensor."""
    sensors = len(memory.newest)
    kept_code = code[in_window]
    counts = np.bincount(kept_code, minlength=sensors)
    ends = np.cumsum(counts)
    from_end = ends[kept_code] - np.arange(len(kept_code))
    stays = from_end <= width
    newest, forgotten = memory.newest.copy(), memory.forgotten.copy()
    np.maximum.at(newest, code, time)
    np.maximum.at(forgotten, kept_code[~stays], time[in_window][~stays])
    np.maximum.at(forgotten, code[deferred], time[deferred])
    starts = np.concatenate([[0], np.cumsum(np.minimum(counts, width))]).astype(np.int64)
    return Memory(starts, time[in_window][stays], value[in_window][stays], newest, forgotten)
