"""What the simulated sensors are like. The registry's sensor types are data of their own; this is a fleet to play."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Profile:
    """A type's Gaussian, in its unit, and the ranges that readings and spikes must respect."""

    sensor_type: str
    unit: str
    mean: float
    deviation: float
    normal_low: float
    normal_high: float
    physical_low: float
    physical_high: float

    def fits(self, deviations: float) -> bool:
        """Whether a value this many deviations from the mean is physically possible."""
        return self.physical_low <= self.mean + deviations * self.deviation <= self.physical_high


PROFILES = (
    Profile("temperature", "celsius", 22.0, 5.0, -20.0, 60.0, -40.0, 85.0),
    Profile("humidity", "percent", 55.0, 5.0, 5.0, 95.0, 0.0, 100.0),
    Profile("pressure", "hPa", 1013.0, 20.0, 950.0, 1070.0, 300.0, 1100.0),
    Profile("vibration", "g", 0.5, 0.3, 0.0, 2.0, 0.0, 10.0),
)

LOCATIONS = tuple(f"floor-{floor}-zone-{zone}" for floor, zone in product((1, 2, 3), "ABCD"))


@dataclass(frozen=True)
class Sensor:
    """One simulated sensor; `sensor_id` is its Kafka key."""

    sensor_id: str
    profile: Profile
    location: str


def fleet_of(count: int) -> tuple[Sensor, ...]:
    """`count` sensors, the types in turn, each group of four (one of each type) at the next location."""
    return tuple(
        Sensor(
            sensor_id=f"{PROFILES[number % len(PROFILES)].sensor_type}-{number // len(PROFILES) + 1:04d}",
            profile=PROFILES[number % len(PROFILES)],
            location=LOCATIONS[number // len(PROFILES) % len(LOCATIONS)],
        )
        for number in range(count)
    )
