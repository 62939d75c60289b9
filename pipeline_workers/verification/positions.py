"""Follows records by their place in Kafka, so that what is wrong can be located and not only counted."""

# ruff: noqa: S608 - the statements are put together of names and numbers of this package, no text comes from outside

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from pipeline_workers.verification.lake import Lake

SHOWN = 5  # in a sentence
LISTED = 1000
WINDOW_MICROSECONDS = 300_000_000
PLACE = 'topic, partition, "offset"'
Place = tuple[str, int, int]
# Accepted records that refine has passed.
JUDGEABLE = (
    f'SELECT {PLACE} FROM bronze JOIN frontier USING (topic, partition) WHERE accepted AND "offset" <= frontier.last'
)


def places(found: Iterable[Place], total: int) -> str:
    """Places as people read them: `sensor-events 0: 17-19, 40`, the first few."""
    shown: list[str] = []
    for (topic, partition), group in groupby(sorted(found), key=lambda place: place[:2]):
        ranges: list[list[int]] = []
        for _, _, offset in group:
            if ranges and offset == ranges[-1][1] + 1:
                ranges[-1][1] = offset
            else:
                ranges.append([offset, offset])
        texts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges[:SHOWN]]
        more = ", ..." if len(ranges) > SHOWN else ""
        shown.append(f"{topic} partition {partition} offset {', '.join(texts)}{more}")
    text = "; ".join(shown)
    return text if total <= LISTED else f"{text}; the first {LISTED} of them"


def located(lake: Lake, query: str, what: str) -> list[str]:
    """A sentence on the places that `query` yields, `what` completing "n ..."; none where it yields nothing.

    `query` selects PLACE, each place once.
    """
    total = lake.number(f"SELECT count(*) FROM ({query})")
    if not total:
        return []
    found = [
        (str(topic), int(partition), int(offset))
        for topic, partition, offset in lake.rows(f"SELECT {PLACE} FROM ({query}) ORDER BY ALL LIMIT {LISTED}")
    ]
    return [f"{total} {what}: {places(found, total)}"]


def repeated(lake: Lake, table: str, where: str) -> list[str]:
    """Places that a table holds more than once."""
    query = f"SELECT {PLACE} FROM {table} GROUP BY {PLACE} HAVING count(*) > 1"
    return located(lake, query, f"records are more than once in {where}")


def unaccounted(lake: Lake) -> list[str]:
    """Accepted records up to the frontier of which refine says nothing, and judged ones that were never accepted."""
    lost = f"SELECT {PLACE} FROM ({JUDGEABLE}) ANTI JOIN judged USING ({PLACE})"
    lake.run(
        f"CREATE TABLE unheld AS SELECT DISTINCT {PLACE} FROM judged "
        f"ANTI JOIN (SELECT * FROM bronze WHERE accepted) USING ({PLACE})"
    )
    expired = (
        f"SELECT DISTINCT {PLACE} FROM unheld JOIN expired USING (topic, partition) "
        'WHERE accepted AND "offset" BETWEEN low AND high'
    )
    invented = f"SELECT {PLACE} FROM unheld ANTI JOIN ({expired}) USING ({PLACE})"
    return [
        *located(lake, lost, "accepted readings are neither in silver/readings nor in silver/set_aside"),
        *located(lake, invented, "records of silver/readings and silver/set_aside are not accepted in bronze/readings"),
        *_expired_apart(lake, expired),
    ]


def _expired_apart(lake: Lake, judged: str) -> list[str]:
    """Retention takes what is judged, so that there is one judged reading for each that it counted."""
    took, found = (
        lake.number("SELECT sum(n) FROM expired WHERE accepted"),
        lake.number(f"SELECT count(*) FROM ({judged})"),
    )
    if took == found:
        return []
    return [
        f"retention took {took} accepted readings from bronze/readings, "
        f"and {found} of their places are in silver/readings and silver/set_aside"
    ]


def same_reading_twice(lake: Lake) -> list[str]:
    """Readings of one sensor and time that Silver holds more than once."""
    query = "SELECT sensor_id, micros, count(*) AS n FROM silver GROUP BY ALL HAVING count(*) > 1"
    total = lake.number(f"SELECT count(*) FROM ({query})")
    if not total:
        return []
    first = lake.rows(
        f"SELECT sensor_id, strftime(make_timestamp(micros), '%Y-%m-%dT%H:%M:%S.%fZ') FROM ({query}) "
        f"ORDER BY ALL LIMIT {SHOWN}"
    )
    named = ", ".join(f"{sensor} at {time}" for sensor, time in first)
    return [f"{total} readings are more than once in silver/readings by sensor and time: {named}"]


def differing_windows(lake: Lake, left: str, right: str, left_name: str, right_name: str) -> list[str]:
    """Five-minute windows whose counts differ; both tables have sensor_id, window_number and n."""
    query = (
        f"SELECT sensor_id, window_number, coalesce(l.n, 0) AS left_n, coalesce(r.n, 0) AS right_n "
        f"FROM {left} l FULL JOIN {right} r USING (sensor_id, window_number) WHERE left_n <> right_n"
    )
    total = lake.number(f"SELECT count(*) FROM ({query})")
    if not total:
        return []
    start = f"strftime(make_timestamp(window_number * {WINDOW_MICROSECONDS}), '%Y-%m-%dT%H:%MZ')"
    first = lake.rows(
        f"SELECT sensor_id, {start}, left_n, right_n FROM ({query}) ORDER BY sensor_id, window_number LIMIT {SHOWN}"
    )
    named = "; ".join(
        f"{sensor} at {window}: {left_n} in {left_name}, {right_n} in {right_name}"
        for sensor, window, left_n, right_n in first
    )
    return [f"{total} windows differ between {left_name} and {right_name}: {named}"]
