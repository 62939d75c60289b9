"""How late readings arrive, and how many of them each watermark would have deferred: recomputed from all of Bronze.

Late is what lies further behind the greatest time at a lower offset of its sensor than the watermark allows. Of
readings with one sensor and time the first counts; the others are duplicates under every watermark.
"""

# ruff: noqa: S608 - the statements are put together of names and numbers of this package, no text comes from outside

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings

from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import watermark_of
from pipeline_workers.verification.lake import Lake
from spark_jobs.contracts import Table

READINGS = {
    '"offset"': '"offset"::BIGINT',
    "sensor_id": "sensor_id::VARCHAR",
    "sensor_type": "sensor_type::VARCHAR",
    "micros": "epoch_us(timestamp)::BIGINT",
    "day": "ingest_date::DATE",
}
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
WATERMARKS = (0.0, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 360.0, 1440.0)  # minutes
MICROS_PER_MINUTE = 60_000_000


def delays(pipeline: Pipeline, question: dict[str, Any]) -> dict[str, Any]:
    """`readings` (first occurrences), `first_day` and `last_day` of arrival, `types` and `watermarks`.

    Each of `types` has `delays`: seconds behind the sensor's newest by quantile, and how many are `behind` at all; each
    of `watermarks` its `minutes`, and what it would have `deferred`, of all and by type. Asked for days, only readings
    that arrived then are counted, against everything before them.
    """
    own = watermark_of(pipeline)
    asked = sorted({*WATERMARKS, *question.get("minutes", ()), own})
    with Lake(settings.PENSTOCK["lake"]) as lake:
        lake.copy("readings", lake.open(Table.BRONZE), READINGS, "disposition = 'accepted'")
        lake.run(
            "CREATE TABLE delayed AS SELECT sensor_type, day, delay FROM ("
            "SELECT sensor_type, day, row_number() OVER same AS occurrence, "
            "greatest(coalesce(max(micros) OVER before - micros, 0), 0) AS delay FROM readings "
            'WINDOW same AS (PARTITION BY sensor_id, micros ORDER BY "offset"), '
            'before AS (PARTITION BY sensor_id ORDER BY "offset" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)'
            f") WHERE occurrence = 1 AND {_days(question)}"
        )
        first, last, total = lake.row("SELECT min(day), max(day), count(*) FROM delayed")
        counts = ", ".join(f"count(*) FILTER (delay > {round(minutes * MICROS_PER_MINUTE)})" for minutes in asked)
        quantiles = ", ".join(str(item) for item in QUANTILES)
        by_type = lake.rows(
            f"SELECT sensor_type, count(*), count(*) FILTER (delay > 0), quantile_disc(delay, [{quantiles}]), "
            f"max(delay), {counts} FROM delayed GROUP BY sensor_type ORDER BY sensor_type"
        )
        problems = list(lake.problems)
    return {
        "readings": total,
        "first_day": first.isoformat() if first else None,
        "last_day": last.isoformat() if last else None,
        "own_minutes": own,
        "types": [_of_type(row) for row in by_type],
        "watermarks": [
            {
                "minutes": minutes,
                "own": minutes == own,
                "deferred": sum(row[5 + at] for row in by_type),
                "by_type": {row[0]: row[5 + at] for row in by_type},
            }
            for at, minutes in enumerate(asked)
        ],
        "problems": problems,
    }


def _days(question: dict[str, Any]) -> str:
    """The condition on the day of arrival. What came as text leaves as a date."""
    bounds = []
    for name, sign in (("first_day", ">="), ("last_day", "<=")):
        if question.get(name):
            bounds.append(f"day {sign} DATE '{date.fromisoformat(question[name]).isoformat()}'")
    return " AND ".join(bounds) or "true"


def _of_type(row: tuple[Any, ...]) -> dict[str, Any]:
    name, readings, behind, quantiles, greatest = row[:5]
    told = {f"p{100 * at:g}": micros / 1e6 for at, micros in zip(QUANTILES, quantiles, strict=True)}
    return {
        "sensor_type": name,
        "readings": readings,
        "behind": behind,
        "delays": {**told, "max": greatest / 1e6},
    }
