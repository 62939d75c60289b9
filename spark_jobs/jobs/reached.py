"""How far the readers of the lake's tables have come, as the lake itself proves it.

Not from Spark's checkpoints: a maintenance application runs where those need not be, and a checkpoint that is gone
says nothing of what is still wanted.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import deltalake
import polars as pl
import pyarrow as pa
from deltalake.exceptions import TableNotFoundError
from pyarrow import fs

from spark_jobs.contracts import Query, Table


def read_up_to(lake: str, pipeline: str) -> dict[Table, datetime | None]:
    """For each table, a time before which its readers have read every commit; None where nothing proves one.

    A stream reads commits in their order, and a reading is committed after it came to Kafka: whoever has judged it has
    read all that was committed before it came. The newest batch is left out, since its checkpoint may be missing, and
    then it is read again. Nor is it later than the stream's own last commit: a batch run may have judged what the
    stream has yet to read. Tables that nothing follows go with their writers, since loads and recounts read them at
    older versions.
    """
    silver, minutes = _files(lake, Table.SILVER), _files(lake, Table.SENSOR_5MIN)
    newest, counted = (_greatest(files, "max.refine_seq") for files in (silver, minutes))
    judged = _earlier(
        None if newest is None else _came(silver.filter(pl.col("max.refine_seq") < newest)),
        _committed(lake, Table.SILVER, f"penstock/{pipeline}/{Query.REFINE}"),
    )
    aggregated = _earlier(
        None if counted is None else _came(silver.filter(pl.col("max.refine_seq") < counted)),
        _committed(lake, Table.SENSOR_5MIN, f"penstock/{pipeline}/{Query.AGGREGATE}"),
    )
    gold = dict.fromkeys((Table.SENSOR_5MIN, Table.LOCATION_HOURLY, Table.DAILY_SUMMARY), aggregated)
    return {Table.BRONZE: judged, Table.SET_ASIDE: judged, Table.SILVER: aggregated, **gold}


def _earlier(some: datetime | None, other: datetime | None) -> datetime | None:
    return None if some is None or other is None else min(some, other)


def _files(lake: str, table: Table) -> pl.DataFrame:
    """What the log says of a table's files; without rows or columns where there are none."""
    try:
        delta = deltalake.DeltaTable(table.under(lake))
    except TableNotFoundError:
        return pl.DataFrame()
    return pl.DataFrame(pa.table(delta.get_add_actions(flatten=True)))


def _greatest(files: pl.DataFrame, column: str) -> int | None:
    # A table without files has no columns of statistics.
    return files[column].max() if column in files.columns else None  # type: ignore[return-value]


def _came(files: pl.DataFrame) -> datetime | None:
    """When the newest reading of these files came to Kafka."""
    at = files["max.kafka_timestamp"].max()
    return at.astimezone(UTC) if isinstance(at, datetime) else None


def _committed(lake: str, table: Table, app: str) -> datetime | None:
    """When `app` last committed to a table, by the entries of its log, which are read from the newest back."""
    where, root = fs.FileSystem.from_uri(table.under(lake))
    listed = where.get_file_info(fs.FileSelector(f"{root.rstrip('/')}/_delta_log", allow_not_found=True))
    entries = [item.path for item in listed if item.base_name.endswith(".json") and item.base_name[:20].isdigit()]
    for path in sorted(entries, reverse=True):
        with where.open_input_stream(path) as entry:
            actions = [json.loads(line) for line in entry.read().splitlines() if line]
        if any(action.get("txn", {}).get("appId") == app for action in actions):
            times = [action["commitInfo"]["timestamp"] for action in actions if "commitInfo" in action]
            return datetime.fromtimestamp(times[0] / 1000, UTC) if times else None
    return None
