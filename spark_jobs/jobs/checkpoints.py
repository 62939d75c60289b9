"""Whether a checkpoint is whole, and the one that the lake's tables were written with. Read from files, without Spark.

A table passes over a batch whose number it has committed. A checkpoint that was deleted or put back from an older copy
counts from a lower number than the tables: its next batches would bring other rows under numbers that they know, and
those rows would be passed over without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from deltalake.exceptions import TableNotFoundError

from spark_jobs.contracts import ContinuousArguments, Query, Table, sequence
from spark_jobs.jobs.tables import Commits, app_of

WRITTEN = {
    Query.INGEST: (Table.BRONZE,),
    Query.REFINE: (Table.SILVER, Table.SET_ASIDE),
    Query.AGGREGATE: (Table.SENSOR_5MIN, Table.LOCATION_HOURLY, Table.DAILY_SUMMARY),
}
FORMAT = "v1"


def faults(arguments: ContinuousArguments) -> Iterator[str]:
    """A sentence on each reason why a driver must not go on from the checkpoint."""
    folder = Path(arguments.checkpoint)
    for query in Query:
        try:
            planned = newest_batch(folder / query)
        except (OSError, ValueError) as error:
            yield f"the checkpoint of {query} cannot be read: {error}"
            continue
        if query == Query.INGEST and planned is not None and not (folder / "topic.json").exists():
            yield "the checkpoint's topic.json is gone, which says of which topic its offsets are"
        # Spark notes a batch before it begins, so no table knows one that the checkpoint does not.
        start = sequence(arguments.generation, 0)
        last = start - 1 if planned is None else start + planned
        for table in WRITTEN[query]:
            committed = _committed(arguments, query, table)
            if committed is not None and committed > last:
                ends = "holds no batch" if planned is None else f"ends at batch {planned}"
                generation, batch = committed >> 40, committed & 2**40 - 1
                told = f"batch {batch} of generation {generation} was committed to {table.value}"
                yield f"the checkpoint of {query} {ends}, though {told}: it was deleted, or is older"
                break


def read_to(ingest: Path, topic: str) -> dict[int, int]:
    """Where ingest goes on, by partition: behind its newest committed batch. Empty before the first."""
    batches = [int(item.name) for item in (ingest / "commits").glob("[0-9]*") if item.name.isdigit()]
    if not batches:
        return {}
    lines = (ingest / "offsets" / str(max(batches))).read_text(encoding="utf-8").splitlines()
    return {int(partition): int(offset) for partition, offset in json.loads(lines[2])[topic].items()}


def newest_batch(query: Path) -> int | None:
    """The newest batch that was begun; None where there is none. Raises ValueError where its offsets are not whole."""
    batches = [int(item.name) for item in (query / "offsets").glob("[0-9]*") if item.name.isdigit()]
    if not batches:
        return None
    newest = max(batches)
    lines = (query / "offsets" / str(newest)).read_text(encoding="utf-8").splitlines()
    if len(lines) < 3 or lines[0] != FORMAT:
        raise ValueError(f"batch {newest} has no offsets in format {FORMAT}")
    for line in lines[1:]:
        json.loads(line)
    return newest


def _committed(arguments: ContinuousArguments, query: Query, table: Table) -> int | None:
    """The newest sequence that the query has committed to a table; None before the first, or without a table."""
    try:
        return Commits(table.under(arguments.lake), app_of(arguments.pipeline, query)).newest()
    except TableNotFoundError:
        return None
