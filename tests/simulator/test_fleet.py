"""The fleet's messages are what the truth says they are, and the same for the same seed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_workers.simulator.fleet import BLOCK, Batch, Fleet, Kind, Rates
from pipeline_workers.simulator.profiles import PROFILES, fleet_of

START = 1_790_000_000_000_000
ALL = Rates(anomaly=0.02, malformed=0.02, duplicate=0.02, late=0.02)


def make(count: int, *, sensors: int = 8, rates: Rates = ALL, seed: int = 7, cuts: tuple[int, ...] = ()) -> Batch:
    """`count` messages a second apart, made in one piece or in several."""
    fleet = Fleet(fleet_of(sensors), rates, seed)
    stamps = START + np.arange(count, dtype=np.int64) * 1_000_000
    whole = Batch()
    for part in np.split(stamps, sorted(cut % (count + 1) for cut in cuts)):
        batch = fleet.readings(part)
        whole.kinds |= {len(whole) + position: kind for position, kind in batch.kinds.items()}
        whole.keys += batch.keys
        whole.payloads += batch.payloads
        whole.truth += batch.truth
    return whole


def parsed(batch: Batch) -> list[tuple[Kind, dict[str, Any]]]:
    """Kind and reading of each message that is not malformed."""
    kinds = [batch.kinds.get(position, Kind.NORMAL) for position in range(len(batch))]
    return [
        (kind, json.loads(payload or ""))
        for kind, payload in zip(kinds, batch.payloads, strict=True)
        if kind is not Kind.MALFORMED
    ]


def deviations(reading: dict[str, Any]) -> float:
    profile = next(item for item in PROFILES if item.sensor_type == reading["sensor_type"])
    return (float(reading["value"]) - profile.mean) / profile.deviation


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 3000), max_size=12), seed=st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_messages_however_they_are_cut(cuts: list[int], seed: int) -> None:
    whole, pieces = make(3000, seed=seed), make(3000, seed=seed, cuts=tuple(cuts))
    assert pieces.payloads == whole.payloads
    assert pieces.keys == whole.keys
    assert pieces.kinds == whole.kinds
    assert pieces.truth == whole.truth


def test_messages_go_on_across_blocks_of_dice() -> None:
    whole = make(2 * BLOCK + 5)
    assert len(whole) == len(whole.payloads) == len(whole.keys) == 2 * BLOCK + 5
    assert make(2 * BLOCK + 5, cuts=(BLOCK - 1, BLOCK + 1)).payloads == whole.payloads


def test_another_seed_gives_other_messages() -> None:
    assert make(100, seed=1).payloads != make(100, seed=2).payloads


def test_each_message_keeps_its_own_event_time_and_sensor() -> None:
    batch = make(16, sensors=4, rates=Rates(anomaly=0.0))
    readings = [reading for _, reading in parsed(batch)]
    assert [reading["sensor_id"] for reading in readings[:5]] == [
        "temperature-0001", "humidity-0001", "pressure-0001", "vibration-0001", "temperature-0001",
    ]  # fmt: skip
    assert readings[1]["timestamp"] == "2026-09-21T14:13:21.000000+00:00"
    assert readings[1]["unit"] == "percent"
    assert readings[1]["location"] == "floor-1-zone-A"
    assert batch.keys == [reading["sensor_id"] for reading in readings]


def test_normal_noise_is_gaussian_around_the_mean_and_inside_the_normal_range() -> None:
    values = defaultdict(list)
    for _, reading in parsed(make(40_000, rates=Rates(anomaly=0.0))):
        values[reading["sensor_type"]].append(reading["value"])
    for profile in PROFILES:
        own = np.array(values[profile.sensor_type])
        assert len(own) == 10_000
        assert own.min() >= profile.normal_low
        assert own.max() <= profile.normal_high
        # The cut at 0 moves the mean of the vibration by a tenth of a deviation.
        assert abs(own.mean() - profile.mean) < 0.15 * profile.deviation
        assert 0.85 * profile.deviation < own.std() < 1.05 * profile.deviation


def test_anomalies_are_as_many_deviations_off_as_the_truth_says_and_physically_possible() -> None:
    batch = make(40_000, rates=Rates(anomaly=0.05, anomaly_size=(4.0, 8.0)))
    spikes = [reading for kind, reading in parsed(batch) if kind is Kind.ANOMALY]
    assert len(spikes) == len(batch.truth)
    sides: dict[str, Counter[bool]] = defaultdict(Counter)
    for spike, truth in zip(spikes, batch.truth, strict=True):
        assert (spike["sensor_id"], spike["timestamp"]) == (truth["sensor_id"], truth["timestamp"])
        assert deviations(spike) == pytest.approx(truth["deviations"], abs=1e-3)
        assert 4 <= abs(truth["deviations"]) <= 8
        profile = next(item for item in PROFILES if item.sensor_type == spike["sensor_type"])
        assert profile.physical_low <= spike["value"] <= profile.physical_high
        sides[spike["sensor_type"]][truth["deviations"] > 0] += 1
    assert sides["vibration"][False] == 0
    assert 0 < sides["pressure"][True] < 0.2 * sides["pressure"][False]
    assert min(sides["temperature"].values()) > 100
    assert min(sides["humidity"].values()) > 100


def test_a_duplicate_repeats_a_normal_reading_of_its_sensor_byte_for_byte() -> None:
    batch = make(20_000)
    normal: dict[str, set[Any]] = defaultdict(set)
    duplicates = 0
    for position, (key, payload) in enumerate(zip(batch.keys, batch.payloads, strict=True)):
        kind = batch.kinds.get(position, Kind.NORMAL)
        if kind is Kind.NORMAL:
            normal[key].add(payload)
        elif kind is Kind.DUPLICATE:
            duplicates += 1
            assert payload in normal[key]
    assert duplicates > 200


def test_a_late_reading_lies_11_to_60_minutes_behind_its_sensors_newest_and_is_new() -> None:
    newest: dict[str, Any] = {}
    seen = set()
    late = 0
    for kind, reading in parsed(make(40_000, rates=Rates(anomaly=0.02, duplicate=0.02, late=0.2))):
        identity = (reading["sensor_id"], reading["timestamp"])
        time = np.datetime64(reading["timestamp"].removesuffix("+00:00"))
        if kind is Kind.LATE:
            late += 1
            behind = newest[reading["sensor_id"]] - time
            assert np.timedelta64(11, "m") <= behind <= np.timedelta64(60, "m")
        if kind is not Kind.DUPLICATE:
            assert identity not in seen
        if kind in (Kind.NORMAL, Kind.ANOMALY):
            newest[reading["sensor_id"]] = time
        seen.add(identity)
    assert late > 7000


def test_a_sensor_is_never_late_or_repeated_before_its_first_reading() -> None:
    batch = make(50, sensors=50, rates=Rates(anomaly=0.0, duplicate=0.5, late=0.5))
    assert batch.kinds == {}
    assert batch.truth == []


def test_the_truth_names_every_injected_message_and_stays_off_the_wire() -> None:
    batch = make(20_000)
    assert [entry["kind"] for entry in batch.truth] == [batch.kinds[position].value for position in sorted(batch.kinds)]
    shares = Counter(batch.kinds.values())
    for kind in (Kind.ANOMALY, Kind.MALFORMED, Kind.DUPLICATE, Kind.LATE):
        assert 0.015 < shares[kind] / len(batch) < 0.025
    fields = {"sensor_id", "sensor_type", "timestamp", "value", "unit", "location"}
    assert all(reading.keys() == fields for _, reading in parsed(batch))


@pytest.mark.parametrize(
    ("rates", "problem"),
    [
        (Rates(anomaly=1.5), "between 0 and 1"),
        (Rates(late=-0.1), "between 0 and 1"),
        (Rates(anomaly=0.5, late=0.6), "more than 1"),
        (Rates(anomaly_size=(2.0, 8.0)), "at least 3"),
        (Rates(anomaly_size=(8.0, 4.0)), "LOW"),
        (Rates(anomaly_size=(4.0, 14.0)), "temperature"),
    ],
)
def test_rates_that_make_no_fleet_are_refused(rates: Rates, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Fleet(fleet_of(4), rates, 0)
