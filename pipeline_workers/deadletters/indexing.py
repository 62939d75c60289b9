"""Brings the index of dead letters up to Bronze. Short where nothing is new, and harmless when done twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake.exceptions import TableNotFoundError
from django.conf import settings

from controlplane.deadletters.models import KEPT_BYTES, IndexMark
from controlplane.deadletters.services import Found, Taken, expiry_take, letters_index, warnings_mend
from controlplane.pipelines.models import Pipeline
from controlplane.streaming.models import MicroBatch
from spark_jobs.contracts import EXPIRE, Query, Table, sequence

logger = logging.getLogger(__name__)
COLUMNS = ["ingest_seq", "topic", "partition", "offset", "kafka_timestamp", "reason", "key", "headers"]
DEAD_LETTER = "dead_letter"


def index_all() -> None:
    """One round over every pipeline. What one trips over does not hold up the others."""
    for pipeline in Pipeline.objects.order_by("pk"):
        try:
            index(pipeline)
            warnings_mend(pipeline=pipeline)
        except Exception:
            logger.exception("dead letters of %s could not be indexed", pipeline)


def index(pipeline: Pipeline) -> int:
    """Take over what is new in Bronze, and what retention took; gives how many letters were new."""
    bronze = _open(Table.BRONZE)
    if bronze is None:
        return 0
    mark, _ = IndexMark.objects.get_or_create(pipeline=pipeline)
    rows = _beyond(bronze, pipeline.topic, mark.ingest_seq, _told(pipeline))
    new = letters_index(pipeline=pipeline, after=mark.ingest_seq, found=_found(rows)) if rows.num_rows else 0
    if new is not None:
        _take_expiries(bronze, pipeline, mark.expiry)
    return new or 0


def _open(table: Table) -> deltalake.DeltaTable | None:
    try:
        return deltalake.DeltaTable(table.under(settings.PENSTOCK["lake"]))
    except TableNotFoundError:
        return None


def _told(pipeline: Pipeline) -> int:
    """The last batch that ingest told of: the index stays behind the ledger, or it would know of more than there is."""
    batches = MicroBatch.objects.filter(pipeline=pipeline, query=Query.INGEST)
    newest = batches.order_by("-generation", "-batch").values_list("generation", "batch").first()
    return sequence(*newest) if newest else -1


def _beyond(bronze: deltalake.DeltaTable, topic: str, mark: int, told: int) -> pa.Table:
    """Dead letters after the mark, in the order in which they arrived; of each payload what the index keeps."""
    field = ds.field
    wanted = (
        (field("disposition") == DEAD_LETTER)
        & (field("ingest_seq") > mark)
        & (field("ingest_seq") <= told)
        & (field("topic") == topic)
    )
    columns = {name: field(name) for name in COLUMNS}
    columns["payload"] = pc.binary_slice(field("payload"), 0, KEPT_BYTES)
    columns["size"] = pc.binary_length(field("payload"))
    found = bronze.to_pyarrow_dataset().to_table(columns=columns, filter=wanted)
    return found.sort_by([("ingest_seq", "ascending"), ("partition", "ascending"), ("offset", "ascending")])


def _found(rows: pa.Table) -> Iterator[Found]:
    for batch in rows.to_batches(max_chunksize=5_000):
        for row in batch.to_pylist():
            headers = [(item["key"] or "", item["value"]) for item in row.pop("headers") or []]
            yield Found(**{**row, "size": row["size"] or 0}, headers=headers)


def _take_expiries(bronze: deltalake.DeltaTable, pipeline: Pipeline, known: int) -> None:
    """Bronze's log decides which expiries happened: what lies beyond its number was only meant."""
    reached = bronze.transaction_version(f"penstock/{pipeline.name}/{EXPIRE}") or 0
    expired = _open(Table.EXPIRED) if reached > known else None
    if expired is None:
        return
    wanted = (ds.field("expiry") > known) & (ds.field("expiry") <= reached) & (ds.field("disposition") == DEAD_LETTER)
    rows = pl.DataFrame(expired.to_pyarrow_table().filter(wanted))
    for number in range(known + 1, reached + 1):
        of_it = rows.filter(pl.col("expiry") == number)
        expiry_take(pipeline=pipeline, expiry=number, taken=[_taken(row) for row in of_it.to_dicts()])


def _taken(row: dict[str, Any]) -> Taken:
    return Taken(
        topic=row["topic"],
        partition=row["partition"],
        first=row["first_offset"],
        last=row["last_offset"],
        hour=row["hour"],
        reason=row["reason"],
    )
