"""Units of sensors: each is linear in the base unit of its kind, `base = (value + before) * factor`."""

from __future__ import annotations

# name: (kind, added before, factor)
UNITS: dict[str, tuple[str, float, float]] = {
    "celsius": ("temperature", 0.0, 1.0),
    "fahrenheit": ("temperature", -32.0, 5 / 9),
    "kelvin": ("temperature", -273.15, 1.0),
    "pascal": ("pressure", 0.0, 1.0),
    "hpa": ("pressure", 0.0, 100.0),
    "kpa": ("pressure", 0.0, 1_000.0),
    "mbar": ("pressure", 0.0, 100.0),
    "bar": ("pressure", 0.0, 100_000.0),
    "psi": ("pressure", 0.0, 6_894.757293168),
    "atm": ("pressure", 0.0, 101_325.0),
    "mm_s": ("speed", 0.0, 0.001),
    "m_s": ("speed", 0.0, 1.0),
    "km_h": ("speed", 0.0, 1 / 3.6),
    "l_min": ("flow", 0.0, 1.0),
    "l_s": ("flow", 0.0, 60.0),
    "m3_h": ("flow", 0.0, 1_000 / 60),
    "percent": ("share", 0.0, 0.01),
    "fraction": ("share", 0.0, 1.0),
    "watt": ("power", 0.0, 1.0),
    "kilowatt": ("power", 0.0, 1_000.0),
    "volt": ("voltage", 0.0, 1.0),
    "millivolt": ("voltage", 0.0, 0.001),
    "ampere": ("current", 0.0, 1.0),
    "milliampere": ("current", 0.0, 0.001),
}


def known(unit: str) -> bool:
    return unit.lower() in UNITS


def same_kind(one: str, other: str) -> bool:
    return UNITS[one.lower()][0] == UNITS[other.lower()][0]


def converted(value: float, source: str, target: str) -> float:
    """`value` of one unit in another of its kind, to 12 digits: 32 fahrenheit are 0 celsius and not nearly so."""
    _, before, factor = UNITS[source.lower()]
    _, after, divisor = UNITS[target.lower()]
    return float(f"{(value + before) * factor / divisor - after:.12g}")
