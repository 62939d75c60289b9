"""Makes the fleet's readings: noise, spikes, and what goes wrong on the way. Knows no clock and no Kafka.

Message i is of sensor i mod n. All dice are thrown in blocks of fixed size, so the same seed gives the same messages
however they are cut into batches; only the event times come from outside.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline_workers.simulator.malformed import SMALL_KINDS, Spoiling
from pipeline_workers.simulator.profiles import PROFILES, Sensor
from spark_jobs.contracts import DeadLetterReason

Ints = npt.NDArray[np.int64]

BLOCK = 8192
DECIMALS = 4
THREE = [f"{number:03d}" for number in range(1000)]
FOUR = [f"{number:04d}" for number in range(10**DECIMALS)]
WHOLE = [str(number) for number in range(int(max(profile.normal_high for profile in PROFILES)) + 1)]
TIME_LENGTH = len("2026-11-23T12:00:00.000000+00:00")
MINUTE = 60_000_000  # microseconds
LATE_LEAST, LATE_MOST = 11 * MINUTE, 60 * MINUTE


class Kind(StrEnum):
    """What a message is, and what the counts are kept by."""

    NORMAL = "normal"
    ANOMALY = "anomaly"
    MALFORMED = "malformed"
    DUPLICATE = "duplicate"
    LATE = "late"


# A message's code is its kind's place here; NORMAL is what is left. ON_TIME moves the sensor's newest time.
INJECTED = (Kind.MALFORMED, Kind.DUPLICATE, Kind.LATE, Kind.ANOMALY)
NORMAL = len(INJECTED)
ON_TIME = (NORMAL, INJECTED.index(Kind.ANOMALY))


@dataclass(frozen=True)
class Rates:
    """Shares of all messages; `anomaly_size` in deviations from the mean."""

    anomaly: float = 0.02
    malformed: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0
    anomaly_size: tuple[float, float] = (4.0, 8.0)
    malformed_kinds: tuple[DeadLetterReason, ...] = SMALL_KINDS

    def of(self, kind: Kind) -> float:
        return float(getattr(self, kind.value))

    def problem(self) -> str | None:
        """Why these rates make no fleet, or None."""
        if any(not 0 <= self.of(kind) <= 1 for kind in INJECTED):
            return "each rate must lie between 0 and 1"
        if sum(self.of(kind) for kind in INJECTED) > 1:
            return "the rates of anomalies, malformed, duplicate and late readings add up to more than 1"
        low, high = self.anomaly_size
        if not 3 <= low <= high:
            return f"an anomaly is at least 3 deviations and LOW is not above HIGH, not {low:g}:{high:g}"
        for profile in PROFILES:
            if not (profile.fits(high) or profile.fits(-high)):
                return f"a spike of {high:g} deviations is beyond the physical range of {profile.sensor_type}"
        return None


@dataclass
class Batch:
    """Messages in the order of sending. `truth` has one entry for each injected one."""

    keys: list[str] = field(default_factory=list)
    payloads: list[str | bytes | None] = field(default_factory=list)
    kinds: dict[int, Kind] = field(default_factory=dict)  # position -> kind, where it is not normal
    truth: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.keys)


class Fleet:
    """`readings(stamps)` makes the next messages, one for each event time."""

    def __init__(self, sensors: Sequence[Sensor], rates: Rates, seed: int) -> None:
        if problem := rates.problem():
            raise ValueError(problem)
        self._sensors = tuple(sensors)
        self._rates = rates
        self._spoiling = Spoiling(rates.malformed_kinds)
        self._ids = [sensor.sensor_id for sensor in sensors]
        # A payload is head + time + "value": + number + tail: put together by hand, six times as fast as json.dumps.
        self._heads = [_head(sensor) for sensor in sensors]
        self._tails = [_tail(sensor) for sensor in sensors]
        self._dice = _Dice(self._sensors, rates, np.random.default_rng([seed, 0]))
        self._next = 0
        # What a sensor last sent: the newest time of an on-time reading, and the payload of the last normal one.
        self._newest = np.full(len(sensors), -1, dtype=np.int64)
        self._last_normal = np.full(len(sensors), None, dtype=object)
        self._late_times: dict[int, set[int]] = {}

    def readings(self, stamps: Ints) -> Batch:
        """The next len(stamps) messages, stamped in microseconds since the epoch: even numbers that grow.

        Late readings take odd ones, so that no time of a sensor is ever used twice.
        """
        batch = Batch()
        done = 0
        while done < len(stamps):
            place = self._next % BLOCK
            if place == 0:
                self._dice.throw(self._next)
            count = min(len(stamps) - done, BLOCK - place)
            self._extend(batch, stamps[done : done + count], place)
            self._next += count
            done += count
        return batch

    def _extend(self, batch: Batch, stamps: Ints, place: int) -> None:
        here = slice(place, place + len(stamps))
        sensors, codes = self._dice.sensors[here], self._dice.codes[here].copy()
        numbers = sensors.tolist()
        payloads: list[Any] = self._normal(numbers, stamps, here)
        ids = self._ids
        offset = len(batch)
        batch.keys += [ids[number] for number in numbers]
        for position in np.flatnonzero(codes < NORMAL).tolist():
            sensor, time, key = numbers[position], iso_time(int(stamps[position])), None
            kind = INJECTED[codes[position]]
            truth: dict[str, Any] = {"deviations": None, "reason": None}
            if kind is Kind.ANOMALY:
                deviations = float(self._dice.spikes[place + position])
                truth["deviations"] = round(deviations, DECIMALS)
                payloads[position] = self._spike(sensor, time, deviations)
            elif kind is Kind.MALFORMED:
                reason, key, payloads[position] = self._spoiling.spoil(json.loads(payloads[position]))
                truth["reason"] = reason
            elif kind is Kind.DUPLICATE:
                before = _previous(codes, position, len(ids), (NORMAL,))
                copy = self._last_normal[sensor] if before is None else payloads[before]
                if copy is None:  # nothing to repeat yet
                    codes[position] = NORMAL
                    continue
                payloads[position] = copy
                time = copy[len(self._heads[sensor]) :][:TIME_LENGTH]
            else:
                before = _previous(codes, position, len(ids), ON_TIME)
                newest = int(self._newest[sensor] if before is None else stamps[before])
                if newest < 0:  # nothing to lie behind yet
                    codes[position] = NORMAL
                    continue
                late = iso_time(self._late_time(sensor, newest, int(self._dice.delays[place + position])))
                payloads[position] = payloads[position].replace(time, late, 1)
                time = late
            batch.keys[offset + position] = key or ids[sensor]
            batch.kinds[offset + position] = kind
            batch.truth.append({"kind": kind, "sensor_id": ids[sensor], "timestamp": time, **truth})
        batch.payloads += payloads
        self._remember(sensors, codes, stamps, payloads)

    def _normal(self, numbers: list[int], stamps: Ints, here: slice) -> list[str]:
        """Normal readings. Numbers are looked up, not formatted: this is where the time goes at full speed."""
        seconds, micros = np.divmod(stamps, 1_000_000)
        millis, rests = np.divmod(micros, 1000)
        distinct, inverse = np.unique(seconds, return_inverse=True)
        prefixes = [_second(second) + "." for second in distinct.tolist()]
        heads, tails = self._heads, self._tails
        texts = [
            f'{heads[number]}{prefixes[at]}{THREE[milli]}{THREE[rest]}+00:00","value":{WHOLE[whole]}.{FOUR[part]}{tails[number]}'
            for number, at, milli, rest, whole, part in zip(
                numbers,
                inverse.tolist(),
                millis.tolist(),
                rests.tolist(),
                self._dice.wholes[here].tolist(),
                self._dice.parts[here].tolist(),
                strict=True,
            )
        ]
        values = self._dice.values[here]
        for position in np.flatnonzero(values < 0).tolist():
            time, sensor = iso_time(int(stamps[position])), numbers[position]
            texts[position] = f'{heads[sensor]}{time}","value":{values[position]:.{DECIMALS}f}{tails[sensor]}'
        return texts

    def _spike(self, sensor: int, time: str, deviations: float) -> str:
        profile = self._sensors[sensor].profile
        value = round(profile.mean + deviations * profile.deviation, DECIMALS)
        return f'{self._heads[sensor]}{time}","value":{value}{self._tails[sensor]}'

    def _late_time(self, sensor: int, newest: int, delay: int) -> int:
        """An odd microsecond `delay` behind the newest time that this sensor has never used."""
        used = self._late_times.setdefault(sensor, set())
        time = (newest - delay) | 1
        while time in used:
            time -= 2
        used.add(time)
        if len(used) > BLOCK:
            # None of them can come up again once the sensor has moved on beyond the greatest delay.
            self._late_times[sensor] = {item for item in used if item > newest - 2 * LATE_MOST}
        return time

    def _remember(self, sensors: Ints, codes: npt.NDArray[np.int8], stamps: Ints, payloads: list[Any]) -> None:
        # Where a sensor comes up more than once, numpy assigns the last.
        on_time = np.isin(codes, ON_TIME)
        self._newest[sensors[on_time]] = stamps[on_time]
        if self._rates.duplicate:
            normal = codes == NORMAL
            texts = np.empty(len(payloads), dtype=object)
            texts[:] = payloads
            self._last_normal[sensors[normal]] = texts[normal]


class _Dice:
    """A block's worth of chance: which kind each message is, its value, and how far off an injected one is."""

    def __init__(self, sensors: tuple[Sensor, ...], rates: Rates, random: np.random.Generator) -> None:
        self._random = random
        self._rates = rates
        self._shares = np.cumsum([rates.of(kind) for kind in INJECTED])
        profiles = [sensor.profile for sensor in sensors]
        self._mean = np.array([profile.mean for profile in profiles])
        self._deviation = np.array([profile.deviation for profile in profiles])
        self._low = np.array([(profile.normal_low - profile.mean) / profile.deviation for profile in profiles])
        self._high = np.array([(profile.normal_high - profile.mean) / profile.deviation for profile in profiles])
        # The greatest spike to each side that is physically possible.
        self._up = np.array([(profile.physical_high - profile.mean) / profile.deviation for profile in profiles])
        self._down = np.array([(profile.mean - profile.physical_low) / profile.deviation for profile in profiles])

    def throw(self, first: int) -> None:
        """Throw for messages `first` and following."""
        random = self._random
        self.sensors: Ints = np.arange(first, first + BLOCK, dtype=np.int64) % len(self._mean)
        self.codes = np.searchsorted(self._shares, random.random(BLOCK), side="right").astype(np.int8)
        self.values = np.round(self._mean[self.sensors] + self._deviation[self.sensors] * self._noise(), DECIMALS) + 0.0
        tenthousandths = np.rint(np.abs(self.values) * 10**DECIMALS).astype(np.int64)
        self.wholes, self.parts = np.divmod(tenthousandths, 10**DECIMALS)
        low, high = self._rates.anomaly_size
        size = random.uniform(low, high, BLOCK)
        upwards = random.random(BLOCK) < 0.5
        fits_up, fits_down = size <= self._up[self.sensors], size <= self._down[self.sensors]
        self.spikes = np.where((upwards | ~fits_down) & fits_up, size, -size)
        self.delays: Ints = random.integers(LATE_LEAST + 2, LATE_MOST, BLOCK)

    def _noise(self) -> npt.NDArray[np.float64]:
        """Gaussian, cut at the type's normal range: a vibration is never below 0, and a normal reading is normal."""
        low, high = self._low[self.sensors], self._high[self.sensors]
        noise = self._random.standard_normal(BLOCK)
        while len(outside := np.flatnonzero((noise < low) | (noise > high))):
            noise[outside] = self._random.standard_normal(len(outside))
        return noise


def _previous(codes: npt.NDArray[np.int8], position: int, step: int, wanted: tuple[int, ...]) -> int | None:
    """The sensor's last message before `position`, in this batch, whose code is one of `wanted`."""
    return next((before for before in range(position - step, -1, -step) if codes[before] in wanted), None)


def _head(sensor: Sensor) -> str:
    return f'{{"sensor_id":"{sensor.sensor_id}","sensor_type":"{sensor.profile.sensor_type}","timestamp":"'


def _tail(sensor: Sensor) -> str:
    return f',"unit":"{sensor.profile.unit}","location":"{sensor.location}"}}'


def iso_time(stamp: int) -> str:
    """ISO-8601 in UTC, to the microsecond, of microseconds since the epoch."""
    seconds, micro = divmod(stamp, 1_000_000)
    return f"{_second(seconds)}.{micro:06d}+00:00"


@lru_cache(maxsize=BLOCK)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
