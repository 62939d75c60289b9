"""Puts the accounts together. Downstream is read before upstream: what arrives meanwhile is pending, never missing."""

# ruff: noqa: S608 - the statements are put together of names and numbers of this package, no text comes from outside

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import deltalake
import numpy as np
import numpy.typing as npt

from pipeline_workers.verification import expiries, kafka, positions, warehouse
from pipeline_workers.verification.lake import Lake
from pipeline_workers.verification.positions import WINDOW_MICROSECONDS
from spark_jobs.contracts import EXPIRE, Query, Table

PLACE = {"topic": "topic::VARCHAR", "partition": "partition::INTEGER", '"offset"': '"offset"::BIGINT'}
SILVER = {
    **PLACE,
    "refine_seq": "refine_seq::BIGINT",
    "sensor_id": "sensor_id::VARCHAR",
    "micros": "epoch_us(timestamp)::BIGINT",
    "flagged": "(len(anomaly_reasons) > 0)::BOOLEAN",
    "absorbed": "(batch_run IS NOT NULL)::BOOLEAN",
}
SET_ASIDE = {**PLACE, "refine_seq": "refine_seq::BIGINT", "reason": "reason::VARCHAR"}
DISPOSITION = {"accepted": "(disposition = 'accepted')::BOOLEAN", "reason": "reason::VARCHAR"}
BRONZE = {**PLACE, **DISPOSITION}
EXPIRED = {
    "topic": PLACE["topic"],
    "partition": PLACE["partition"],
    "low": "first_offset::BIGINT",
    "high": "last_offset::BIGINT",
    "n": '"count"::BIGINT',
    **DISPOSITION,
}
GOLD = {
    "sensor_id": "sensor_id::VARCHAR",
    "window_number": f"(epoch_us(window_start) // {WINDOW_MICROSECONDS})::BIGINT",
    "n": "reading_count::BIGINT",
    "refine_seq": "refine_seq::BIGINT",
    "fence_seq": "fence_seq::BIGINT",
    "batch_seq": "batch_seq::BIGINT",
}


Offsets = npt.NDArray[np.int64]
# Columns that the tables of an earlier release lack, and what stands for them there.
SINCE_BATCH_RUNS = {
    "absorbed": ("batch_run", "false::BOOLEAN"),
    "fence_seq": ("fence_seq", "NULL::BIGINT"),
    "batch_seq": ("batch_seq", "NULL::BIGINT"),
}


@dataclass(frozen=True)
class Equation:
    """left = right + pending, and each record behind it in its place. Named as the reported accounts name it."""

    name: str
    left: int
    right: int
    pending: int
    problems: list[str]

    @property
    def holds(self) -> bool:
        return not self.sentences()

    def sentences(self) -> list[str]:
        """What is wrong with it."""
        if self.left == self.right + self.pending and self.pending >= 0:
            return self.problems
        return [f"{self.name}: {self.left} is not {self.right} and {self.pending} pending", *self.problems]

    def as_dict(self) -> dict[str, Any]:
        sides = {"left": self.left, "right": self.right, "pending": self.pending}
        return {"name": self.name, **sides, "holds": self.holds}


def verify(pipeline: str) -> dict[str, Any]:
    """The accounts as docs/wiring.md has them, with `where` each side was counted and `problems` as sentences.

    Configured by PENSTOCK_LAKE, PENSTOCK_WAREHOUSE_URL and PENSTOCK_BOOTSTRAP_SERVERS. Raises Unreadable
    where a side cannot be counted at all.
    """
    with Lake(os.environ["PENSTOCK_LAKE"]) as lake:
        where: dict[str, str] = {}
        problems: list[str] = []
        loaded = _read_warehouse(lake, where)
        problems += _read_gold(lake, where, loaded.gold_version)
        _hold(lake, loaded.held)
        _read_silver(lake, where, pipeline)
        _read_bronze(lake, where, pipeline)
        equations = [
            _delivered(lake, where),
            _refined(lake),
            _aggregated(lake),
            _loaded(lake),
        ]
        problems += lake.problems
        problems += [sentence for equation in equations for sentence in equation.sentences()]
        return {
            "pipeline": pipeline,
            "kafka": equations[0].left,
            **_counts(lake),
            "dead_letters_by_reason": dict(
                lake.rows(
                    "SELECT reason, sum(n)::BIGINT FROM (SELECT reason, 1 AS n FROM bronze WHERE NOT accepted "
                    "UNION ALL SELECT reason, n FROM expired WHERE NOT accepted) GROUP BY ALL ORDER BY ALL"
                )
            ),
            "pending": {
                "bronze": equations[1].pending,
                "silver": equations[2].pending,
                "gold": equations[3].pending,
            },
            "equations": [equation.as_dict() for equation in equations],
            "balanced": not problems,
            "problems": problems,
            "where": where,
        }


def _read_warehouse(lake: Lake, where: dict[str, str]) -> warehouse.Facts:
    found = warehouse.facts(os.environ["PENSTOCK_WAREHOUSE_URL"])
    lake.insert("facts", found.windows)
    load = "never loaded" if found.gold_version is None else f"loaded up to Gold version {found.gold_version}"
    where["warehouse_readings"] = f"fact_sensor_readings, {load}"
    return found


def _hold(lake: Lake, held: tuple[int, ...]) -> None:
    """Windows that batch runs have made and that the newest load has left out are, to it, as the warehouse has them."""
    if not held:
        return
    named = ", ".join(str(int(seq)) for seq in held)
    lake.run(f"CREATE TABLE held AS SELECT sensor_id, window_number FROM gold_then WHERE batch_seq IN ({named})")
    lake.run(f"DELETE FROM gold_then WHERE batch_seq IN ({named})")
    lake.run(
        "INSERT INTO gold_then (sensor_id, window_number, n) SELECT sensor_id, window_number, n FROM facts "
        "WHERE (sensor_id, window_number) IN (SELECT (sensor_id, window_number) FROM held)"
    )


def _read_gold(lake: Lake, where: dict[str, str], loaded: int | None) -> list[str]:
    """Gold twice: as the warehouse has committed it (`gold_then`), and as it is (`gold`)."""
    problems = []
    newest = lake.open(Table.SENSOR_5MIN)
    then = None
    if loaded is not None:
        try:
            then = lake.open(Table.SENSOR_5MIN, loaded)
        except deltalake.exceptions.DeltaError:
            problems.append(
                f"the warehouse was loaded from version {loaded} of {Table.SENSOR_5MIN}, which is not there"
            )
    lake.copy("gold_then", then, _columns(then, GOLD))
    lake.copy("gold", newest, _columns(newest, GOLD))
    where["gold_readings"] = _at(Table.SENSOR_5MIN, newest)
    return problems


def _read_silver(lake: Lake, where: dict[str, str], pipeline: str) -> None:
    """Silver, what refine set aside (`aside`), and from both `judged` and `frontier`: how far refine has come.

    Refine commits what it sets aside before Silver. Rows of a batch that Silver does not have yet are in progress, and
    a crash between the two commits leaves them until the replay: they do not count. Nor does what a batch run has put
    into Silver and not taken from what is set aside yet.
    """
    silver = lake.open(Table.SILVER)
    lake.copy("silver", silver, _columns(silver, SILVER))
    aside = lake.open(Table.SET_ASIDE)
    lake.copy("aside", aside, SET_ASIDE)
    # A batch that kept nothing leaves no row, only its transaction in Silver's log.
    txn = silver.transaction_version(f"penstock/{pipeline}/{Query.REFINE}") if silver else None
    committed = max(lake.number("SELECT coalesce(max(refine_seq), -1) FROM silver"), -1 if txn is None else txn)
    lake.run(f"DELETE FROM aside WHERE refine_seq > {committed}")
    absorbed = f"SELECT {positions.PLACE} FROM silver WHERE absorbed"
    lake.run(f"DELETE FROM aside WHERE reason = 'deferred' AND ({positions.PLACE}) IN ({absorbed})")
    lake.run(
        f"CREATE TABLE judged AS SELECT {positions.PLACE} FROM silver UNION ALL SELECT {positions.PLACE} FROM aside"
    )
    lake.run('CREATE TABLE frontier AS SELECT topic, partition, max("offset") AS last FROM judged GROUP BY ALL')
    where["silver"] = where["anomalies"] = _at(Table.SILVER, silver)
    where["duplicates"] = where["deferred"] = f"{_at(Table.SET_ASIDE, aside)}, batches that Silver has"


def _read_bronze(lake: Lake, where: dict[str, str], pipeline: str) -> None:
    """Bronze, and what retention took from it before this version of it: expiries that its log knows of."""
    bronze = lake.open(Table.BRONZE)
    lake.copy("bronze", bronze, BRONZE)
    reached = bronze.transaction_version(f"penstock/{pipeline}/{EXPIRE}") if bronze else None
    lake.copy("expired", lake.open(Table.EXPIRED), EXPIRED, f"expiry <= {reached or 0}")
    at = _at(Table.BRONZE, bronze)
    where["accepted"] = where["dead_letters"] = at if reached is None else f"{at} and {Table.EXPIRED}"


def _columns(table: deltalake.DeltaTable | None, columns: dict[str, str]) -> dict[str, str]:
    if table is None:
        return columns
    known = {field.name for field in table.schema().fields}
    missing = {name: instead for name, (needs, instead) in SINCE_BATCH_RUNS.items() if needs not in known}
    return {name: missing.get(name, expression) for name, expression in columns.items()}


def _at(table: Table, opened: deltalake.DeltaTable | None) -> str:
    return f"{table} version {opened.version()}" if opened else f"{table}, not there yet"


def _counts(lake: Lake) -> dict[str, int]:
    readings, letters = _expired(lake)
    expired = {"accepted": readings, "dead_letters": letters, "refined": readings}
    queries = {
        "accepted": "SELECT count(*) FROM bronze WHERE accepted",
        "dead_letters": "SELECT count(*) FROM bronze WHERE NOT accepted",
        "expired": "SELECT sum(n) FROM expired WHERE NOT accepted",
        "refined": f"SELECT count(*) FROM ({positions.JUDGEABLE})",
        "silver": "SELECT count(*) FROM silver",
        "duplicates": "SELECT count(*) FROM aside WHERE reason = 'duplicate'",
        "deferred": "SELECT count(*) FROM aside WHERE reason = 'deferred'",
        "aggregated": "SELECT sum(counted) FROM silver_counted",
        "gold_readings": "SELECT sum(n) FROM gold",
        "warehouse_readings": "SELECT sum(n) FROM facts",
        "anomalies": "SELECT count(*) FROM silver WHERE flagged",
    }
    return {name: lake.number(query) + expired.get(name, 0) for name, query in queries.items()}


def _expired(lake: Lake) -> tuple[int, int]:
    """How many accepted readings and how many dead letters retention took."""
    readings, letters = lake.row("SELECT sum(n) FILTER (accepted), sum(n) FILTER (NOT accepted) FROM expired")
    return int(readings or 0), int(letters or 0)


def _delivered(lake: Lake, where: dict[str, str]) -> Equation:
    """Kafka's records up to Bronze's last one against Bronze. Before the log's start nothing can be compared."""
    counted = in_bronze = uncompared = 0
    problems: list[str] = []
    ranges = []
    placed = 'SELECT topic, partition, "offset" FROM bronze UNION ALL SELECT topic, partition, high FROM expired'
    topics = [str(topic) for (topic,) in lake.rows(f"SELECT DISTINCT topic FROM ({placed}) ORDER BY ALL")]
    for topic in topics:
        last = dict(
            lake.rows(f'SELECT partition, max("offset") FROM ({placed}) WHERE topic = {_text(topic)} GROUP BY ALL')
        )
        for found in kafka.partition_offsets(os.environ["PENSTOCK_BOOTSTRAP_SERVERS"], topic, last):
            here = f"topic = {_text(topic)} AND partition = {found.partition}"
            rows = lake.numbers(f'SELECT "offset" FROM bronze WHERE {here} ORDER BY ALL')
            gone = expiries.Gone(lake.rows(f"SELECT low, high, n FROM expired WHERE {here}"))
            start = gone.comparable_from(found.log_start)
            records = np.frombuffer(found.offsets, dtype=np.int64)
            uncompared += int((rows < start).sum())
            rows, records = rows[rows >= start], records[records >= start]
            counted, in_bronze = counted + len(records), in_bronze + len(rows) + gone.counted(start)
            missing = _without(records, rows)
            problems += gone.problems(f"{topic} partition {found.partition}", missing, start)
            problems += _apart(topic, found.partition, gone.others(missing), "Kafka records are not in bronze/readings")
            problems += _apart(
                topic, found.partition, _without(rows, records), "rows of bronze/readings are not in Kafka"
            )
            ranges.append(f"{found.partition}: {start}-{last[found.partition]}")
    problems += positions.repeated(lake, "bronze", "bronze/readings")
    servers = os.environ["PENSTOCK_BOOTSTRAP_SERVERS"]
    where["kafka"] = f"{', '.join(topics) or 'no topic'} at {servers}, offsets {'; '.join(ranges) or 'none'}"
    if uncompared:
        where["kafka"] += f"; {uncompared} rows of Bronze lie before the log's start and are not compared"
    return Equation("Kafka = Bronze", counted, in_bronze, 0, problems)


def _without(these: Offsets, those: Offsets) -> Offsets:
    """Those of `these` that `those` do not have; both are sorted, which NumPy's own differences do again."""
    at = np.searchsorted(those, these)
    found = at < len(those)
    found[found] = those[at[found]] == these[found]
    return np.unique(these[~found])


def _apart(topic: str, partition: int, missing: Any, what: str) -> list[str]:
    if not len(missing):
        return []
    first = [(topic, partition, int(offset)) for offset in missing[: positions.LISTED]]
    return [f"{len(missing)} {what}: {positions.places(first, len(missing))}"]


def _refined(lake: Lake) -> Equation:
    """Accepted readings against those kept and set aside; pending is what lies beyond refine's frontier."""
    accepted = lake.number("SELECT count(*) FROM bronze WHERE accepted") + _expired(lake)[0]
    pending = lake.number(
        "SELECT count(*) FROM bronze LEFT JOIN frontier USING (topic, partition) "
        'WHERE accepted AND "offset" > coalesce(last, -1)'
    )
    problems = [
        *positions.unaccounted(lake),
        *positions.repeated(lake, "judged", "silver/readings and silver/set_aside"),
        *positions.same_reading_twice(lake),
    ]
    judged = lake.number("SELECT count(*) FROM judged")
    return Equation("Bronze = Silver + set aside", accepted, judged, pending, problems)


def _aggregate_frontier(lake: Lake) -> int:
    return lake.number("SELECT coalesce(max(refine_seq), -1) FROM gold")


def _aggregated(lake: Lake) -> Equation:
    """Silver rows against Gold's counts.

    Counted are those up to the last batch that Gold has, and, where a batch run has made a window, those up to its
    fence. What a batch run absorbed into a window and Gold lacks waits for the run's Gold stage. Pending is the rest.
    """
    frontier = _aggregate_frontier(lake)
    _sum_up(lake, "gold")
    lake.run("CREATE TABLE fences AS SELECT window_number, max(fence_seq) AS fence FROM gold GROUP BY ALL")
    passed = f"refine_seq <= greatest({frontier}, coalesce(fence, -1))"
    lake.run(
        f"CREATE TABLE silver_judged AS SELECT sensor_id, window_number, "
        f"count(*) FILTER ({passed} AND NOT absorbed) AS kept, count(*) FILTER (absorbed) AS absorbed "
        f"FROM (SELECT *, micros // {WINDOW_MICROSECONDS} AS window_number FROM silver) "
        "LEFT JOIN fences USING (window_number) GROUP BY ALL"
    )
    lake.run(
        "CREATE TABLE silver_counted AS SELECT sensor_id, window_number, "
        "greatest(kept, least(kept + absorbed, coalesce(n, 0))) AS counted "
        "FROM silver_judged LEFT JOIN gold_windows USING (sensor_id, window_number)"
    )
    lake.run("CREATE TABLE silver_windows AS SELECT sensor_id, window_number, counted AS n FROM silver_counted")
    rows = lake.number("SELECT count(*) FROM silver")
    pending = rows - lake.number("SELECT sum(counted) FROM silver_counted")
    problems = positions.differing_windows(
        lake, "silver_windows", "gold_windows", "silver/readings", "gold/sensor_5min"
    )
    return Equation("Silver = Gold", rows, lake.number("SELECT sum(n) FROM gold"), pending, problems)


def _loaded(lake: Lake) -> Equation:
    """Gold's counts against the warehouse's, at the version that the newest load names; pending is what came since."""
    _sum_up(lake, "gold_then")
    _sum_up(lake, "facts")
    then, now = lake.number("SELECT sum(n) FROM gold_then"), lake.number("SELECT sum(n) FROM gold")
    problems = positions.differing_windows(
        lake, "gold_then_windows", "facts_windows", "gold/sensor_5min", "the warehouse"
    )
    facts = lake.number("SELECT sum(n) FROM facts")
    return Equation("Gold = warehouse", now, facts, now - then, problems)


def _sum_up(lake: Lake, name: str) -> None:
    lake.run(
        f"CREATE TABLE {name}_windows AS SELECT sensor_id, window_number, sum(n)::BIGINT AS n FROM {name} GROUP BY ALL"
    )


def _text(value: str) -> str:
    """A topic's name comes from the lake: quoted, it stays a name."""
    return "'" + value.replace("'", "''") + "'"
