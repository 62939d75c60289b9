"""Dead letters recounted: each one of Bronze by its place in the index, each redriven one by where it was put."""

# ruff: noqa: S608 - the statements are put together of names of this package, no text comes from outside

from __future__ import annotations

from typing import Any

import deltalake
import pyarrow as pa
from django.conf import settings

from controlplane.deadletters.models import DeadLetter, IndexMark
from controlplane.deadletters.states import LetterStatus
from controlplane.pipelines.models import Pipeline
from pipeline_workers.verification.lake import Lake
from pipeline_workers.verification.positions import PLACE, located
from spark_jobs.contracts import EXPIRE, Table

NAME = "Dead letters accounted"
HEADER = "list_filter(headers, lambda h: h.key = '{}')[1].value::VARCHAR"
COLUMNS = {
    "topic": "topic::VARCHAR",
    "partition": "partition::INTEGER",
    '"offset"': '"offset"::BIGINT',
    "dead": "(disposition = 'dead_letter')::BOOLEAN",
    "ingest_seq": "ingest_seq::BIGINT",
    "redrive": HEADER.format("penstock-redrive"),
    "origin": HEADER.format("penstock-origin"),
}
CONCERNED = "disposition = 'dead_letter' OR len(list_filter(headers, lambda h: h.key = 'penstock-redrive')) > 0"
PLACED = {name: COLUMNS[name] for name in ("topic", "partition", '"offset"')}
INDEX = pa.schema(
    [
        ("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64()), ("gone", pa.bool_()),
        ("redriven", pa.bool_()), ("to_partition", pa.int32()), ("to_offset", pa.int64()),
    ]
)  # fmt: skip


def letters_recounted(pipeline: Pipeline) -> tuple[dict[str, Any], list[str]]:
    """The equation as the accounts have it, and what is wrong with it, in sentences that name places.

    The lake is read after the index: what arrives meanwhile is pending, never missing.
    """
    mark = IndexMark.objects.filter(pipeline=pipeline).first()
    reached, expiry = (mark.ingest_seq, mark.expiry) if mark else (-1, 0)
    with Lake(settings.PENSTOCK["lake"]) as lake:
        lake.insert("letters", _index(pipeline))
        bronze = lake.open(Table.BRONZE)
        lake.copy("records", bronze, COLUMNS, CONCERNED)
        lake.run("CREATE TABLE dead AS SELECT * FROM records WHERE dead")
        known = bronze.transaction_version(f"penstock/{pipeline.name}/{EXPIRE}") if bronze else None
        counted = {"n": '"count"::BIGINT', "expiry": "expiry::BIGINT"}
        wanted = f"disposition = 'dead_letter' AND expiry <= {known or 0}"
        lake.copy("expired", lake.open(Table.EXPIRED), counted, wanted)
        expired = lake.number("SELECT sum(n) FROM expired")
        left = lake.number("SELECT count(*) FROM dead") + expired
        right = lake.number(f"SELECT count(*) FROM dead SEMI JOIN letters USING ({PLACE})") + expired
        unseen = f"SELECT {PLACE} FROM dead ANTI JOIN letters USING ({PLACE}) WHERE ingest_seq"
        pending = lake.number(f"SELECT count(*) FROM ({unseen} > {reached})")
        problems = [
            *located(lake, f"{unseen} <= {reached}", "dead letters of bronze/readings are not in the index"),
            *([] if (known or 0) > expiry else _invented(lake)),
            *_redriven(lake, bronze),
        ]
        problems += lake.problems
    holds = left == right + pending and not problems
    if left != right + pending:
        problems.insert(0, f"{NAME}: {left} is not {right} and {pending} pending")
    return {"name": NAME, "left": left, "right": right, "pending": pending, "holds": holds}, problems


def _index(pipeline: Pipeline) -> pa.Table:
    names = ("topic", "partition", "offset", "gone", "status", "sent_partition", "sent_offset")
    rows = DeadLetter.objects.filter(pipeline=pipeline).order_by("pk").values_list(*names)
    columns: list[list[Any]] = [list(column) for column in zip(*rows.iterator(chunk_size=10_000), strict=True)]
    columns = columns or [[] for _ in names]
    columns[4] = [status == LetterStatus.REDRIVEN for status in columns[4]]
    return pa.table(columns, schema=INDEX)


def _invented(lake: Lake) -> list[str]:
    query = f"SELECT {PLACE} FROM letters ANTI JOIN dead USING ({PLACE}) WHERE NOT gone"
    return located(lake, query, "letters of the index are no dead letters of bronze/readings")


def _redriven(lake: Lake, bronze: deltalake.DeltaTable | None) -> list[str]:
    """A redriven letter is in Bronze where it was put, as soon as ingest has passed there, and nowhere else."""
    lake.run(
        'CREATE TABLE put AS SELECT topic, to_partition AS partition, to_offset AS "offset", '
        "concat(topic, '/', partition, '/', \"offset\") AS origin FROM letters WHERE redriven"
    )
    # All rows of the answer: a table is not copied while one is being read.
    if lake.rows("SELECT count(*) FROM put") == [(0,)]:
        return []
    lake.copy("places", bronze, PLACED)
    lake.run('CREATE TABLE ends AS SELECT topic, partition, max("offset") AS last FROM places GROUP BY ALL')
    lost = (
        f"SELECT {PLACE} FROM put JOIN ends USING (topic, partition) ANTI JOIN records USING ({PLACE}, origin) "
        'WHERE "offset" <= last'
    )
    twice = (
        'SELECT topic, min(partition) AS partition, max("offset") AS "offset" FROM records WHERE redrive IS NOT NULL '
        "GROUP BY topic, redrive, origin HAVING count(*) > 1"
    )
    return [
        *located(lake, lost, "redriven letters are not in bronze/readings where they were put"),
        *located(lake, twice, "letters were sent more than once by one redrive"),
    ]
