"""Messages are due, and stamped, when the rate says; at full speed at the time of their making."""

from __future__ import annotations

import json

import numpy as np

from pipeline_workers.simulator.fleet import Fleet, Rates
from pipeline_workers.simulator.profiles import fleet_of
from pipeline_workers.simulator.source import MOST, FleetSource

START = 1_790_000_000_000_000


def source(*, rate: float, messages: int | None = None, sensors: int = 4) -> FleetSource:
    return FleetSource(Fleet(fleet_of(sensors), Rates(anomaly=0.0), 1), rate=rate, messages=messages, start=START)


def stamps(batch_payloads: list[str | bytes | None]) -> list[int]:
    times = [json.loads(payload or "")["timestamp"].removesuffix("+00:00") for payload in batch_payloads]
    return [int(np.datetime64(time, "us").astype(np.int64)) for time in times]


def test_message_i_is_due_at_start_plus_i_over_rate_and_stamped_so() -> None:
    fleet = source(rate=100)
    assert fleet.next_due() == START
    assert len(fleet.take(START - 1)) == 0
    assert stamps(fleet.take(START + 35_000).payloads) == [START, START + 10_000, START + 20_000, START + 30_000]
    assert fleet.next_due() == START + 40_000


def test_after_a_standstill_messages_keep_the_time_at_which_they_were_due() -> None:
    fleet = source(rate=1000)
    made: list[int] = []
    while (fleet.next_due() or 0) <= START + 10_000_000:
        made += stamps(fleet.take(START + 10_000_000).payloads)
    assert made == [START + 1000 * number for number in range(10_001)]


def test_times_are_unique_at_any_rate() -> None:
    for rate in (3.0, 7.0, 333.3, 123_457.0, 500_000.0):
        made = stamps(source(rate=rate, sensors=1).take(START + 10_000_000_000).payloads)
        assert len(made) == MOST
        assert len(set(made)) == MOST
        assert all(stamp % 2 == 0 for stamp in made)


def test_at_full_speed_the_stamp_is_the_time_of_making_and_never_repeats() -> None:
    fleet = source(rate=0, sensors=1)
    assert fleet.next_due() == 0
    first, second = stamps(fleet.take(START).payloads), stamps(fleet.take(START + 1).payloads)
    assert first[0] == START
    assert first[-1] - START < 10_000  # 10 ms
    assert second[0] > first[-1]
    third = stamps(fleet.take(START + 5_000_000).payloads)
    assert third[0] == START + 5_000_000


def test_exactly_as_many_messages_as_asked_for() -> None:
    for rate in (0.0, 1000.0):
        fleet = source(rate=rate, messages=MOST + 7)
        made = 0
        while fleet.next_due() is not None:
            made += len(fleet.take(START + 60_000_000))
        assert made == MOST + 7


def test_after_a_pause_messages_go_on_at_the_rate_from_then() -> None:
    fleet = source(rate=100)
    assert stamps(fleet.take(START + 15_000).payloads) == [START, START + 10_000]
    fleet.postpone(5_000_001)
    later = START + 5_000_000
    assert fleet.next_due() == later + 20_000
    assert stamps(fleet.take(later + 35_001).payloads) == [later + 20_000, later + 30_000]
