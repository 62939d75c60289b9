"""Silver and Gold of some days, checked without trusting any report. Reads the columns that the checks need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pipeline_workers.verification.lake import Lake
from spark_jobs.contracts import Table

SILVER = {
    "sensor_id": "sensor_id::VARCHAR",
    "micros": "epoch_us(timestamp)::BIGINT",
    "null_in": "(sensor_id IS NULL OR timestamp IS NULL OR value IS NULL OR unit IS NULL)::BOOLEAN",
    "finite": "coalesce(isfinite(value), false)::BOOLEAN",
    "elsewhere": "(CAST(timestamp AS DATE) <> event_date)::BOOLEAN",
}
GOLD = {
    "sensor_id": "sensor_id::VARCHAR",
    "micros": "epoch_us(window_start)::BIGINT",
    "n": "reading_count::BIGINT",
    "odd": "(reading_count < anomaly_count OR value_min > value_avg OR value_avg > value_max)::BOOLEAN",
}
KEY = "SELECT count(*) - count(DISTINCT (sensor_id, micros)) FROM"
CHECKS = {
    "readings with a null": "SELECT count(*) FROM silver WHERE null_in",
    "values that are not finite": "SELECT count(*) FROM silver WHERE NOT finite",
    "readings in another day's partition": "SELECT count(*) FROM silver WHERE elsewhere",
    "readings that are there twice": f"{KEY} silver",
    "windows that are there twice": f"{KEY} gold",
    "windows whose figures contradict each other": "SELECT count(*) FROM gold WHERE odd",
    "readings that Gold counts and Silver has not": (
        "SELECT greatest(0, (SELECT sum(n) FROM gold) - (SELECT count(*) FROM silver))"
    ),
}


@dataclass(frozen=True)
class DayCheck:
    """Rows of Silver, readings of Gold, the checks that were made with what each found, and what is wrong."""

    silver: int
    gold: int
    checks: dict[str, int]
    broken: tuple[str, ...]

    @property
    def behind(self) -> int:
        """Readings of Silver that Gold has not counted yet."""
        return self.silver - self.gold


def check_days(lake: str, first: date, last: date) -> DayCheck:
    """Check the days, both included. Gold is read first: what the stream adds meanwhile Gold may lack, never Silver."""
    within = f"event_date BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}'"
    with Lake(lake) as tables:
        tables.copy("gold", tables.open(Table.SENSOR_5MIN), GOLD, within)
        tables.copy("silver", tables.open(Table.SILVER), SILVER, within)
        found = {words: tables.number(query) for words, query in CHECKS.items()}
        silver, gold = tables.number("SELECT count(*) FROM silver"), tables.number("SELECT sum(n) FROM gold")
    broken = tuple(f"{count} {words}" for words, count in found.items() if count)
    return DayCheck(silver, gold, found, broken)
