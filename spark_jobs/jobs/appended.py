"""Tables that only gain rows: Spark's tasks write the files, the driver commits them in milliseconds, without Spark."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import CommitProperties
from deltalake.transaction import AddAction, RemoveAction
from pyarrow import fs
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.contracts import Table
from spark_jobs.jobs.compaction_lock import Compacting, hold_compaction
from spark_jobs.jobs.tables import LAYOUTS, Commits

COMPACT_EVERY = 50  # commits
COMPACTED_BYTES = 32 * 2**20

_compaction = ThreadPoolExecutor(1, thread_name_prefix="compaction")


class AppendedTable(Commits):
    """Bronze, Silver or the set-aside table, as one launch of a driver (`run_tag`) writes it.

    A batch's files lie in a folder of their own: what a launch left uncommitted is in no later one's way.
    """

    def __init__(self, lake: str, table: Table, app: str, run_tag: str) -> None:
        super().__init__(table.under(lake), app)
        self._schema = to_arrow_schema(LAYOUTS[table].schema, timezone="UTC")
        self._partitions, self._statistics = LAYOUTS[table].partitions, set(LAYOUTS[table].statistics)
        self._run_tag = run_tag
        self._compacting: Future[None] | None = None

    def append(self, rows: DataFrame, seq: int) -> bool:
        """Append rows in one commit that carries `seq`. False, and nothing to be seen, when `seq` is committed already.

        Raises CommitFailedError when other writers were faster again and again.
        """
        if self.hold(seq):
            return False
        folder = self._folder(seq)
        rows.select(self._schema.names).write.mode("overwrite").partitionBy(*self._partitions).parquet(
            f"{self._path}/{folder}"
        )
        files: list[AddAction | RemoveAction] = list(self._files(folder))

        def write(once: CommitProperties) -> None:
            self.delta.create_write_transaction(
                files, "append", self._schema, list(self._partitions), commit_properties=once
            )

        done = self.commit_once(seq, write)
        self.delta.update_incremental()
        write_checksum(self.delta)
        self._compact_now_and_then()
        return done

    def written(self, seq: int, columns: list[str]) -> pa.Table:
        """Columns of the rows that `append` has just written for a batch."""
        where, root = fs.FileSystem.from_uri(self._path)
        folder = f"{root}/{self._folder(seq)}"
        kept = pa.schema([self._schema.field(name) for name in columns])
        return ds.dataset(folder, kept, filesystem=where, format="parquet").to_table()

    def _folder(self, seq: int) -> str:
        return f"batches/{self._run_tag}/{seq}"

    def _files(self, folder: str) -> Iterator[AddAction]:
        """What Spark wrote into a folder of the table."""
        where, root = fs.FileSystem.from_uri(self._path)
        for found in where.get_file_info(fs.FileSelector(f"{root}/{folder}", recursive=True)):
            if not found.path.endswith(".parquet"):
                continue
            path = found.path.removeprefix(f"{root}/")
            yield AddAction(
                path=path,
                size=found.size,
                partition_values=dict(part.split("=", 1) for part in path.split("/") if "=" in part),
                modification_time=found.mtime_ns // 1_000_000,
                data_change=True,
                stats=json.dumps(statistics(pq.read_metadata(found.path, filesystem=where), self._statistics)),
            )

    def _compact_now_and_then(self) -> None:
        """Beside the stream, which a compaction never holds up; one at a time, and none before the last has ended."""
        if self.delta.version() % COMPACT_EVERY == 0 and (self._compacting is None or self._compacting.done()):
            self._compacting = _compaction.submit(compact, self._path)


def statistics(metadata: pq.FileMetaData, columns: set[str]) -> dict[str, Any]:
    """A file's row count, and least and greatest value and nulls of `columns`, as Delta's log has them."""
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for group in (metadata.row_group(at) for at in range(metadata.num_row_groups)):
        for column in (group.column(at) for at in range(group.num_columns)):
            name, found = column.path_in_schema, column.statistics
            if name not in columns or found is None:
                continue
            nulls[name] = nulls.get(name, 0) + found.null_count
            if found.has_min_max:
                low[name] = min(low.get(name, found.min), found.min)
                high[name] = max(high.get(name, found.max), found.max)
    return {
        "numRecords": metadata.num_rows,
        "minValues": {name: _as_json(value) for name, value in low.items()},
        "maxValues": {name: _as_json(value) for name, value in high.items()},
        "nullCount": nulls,
    }


def _as_json(value: Any) -> Any:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else value


def write_checksum(table: deltalake.DeltaTable) -> None:
    """Put the version checksum of the Delta protocol beside the log: a stream's reader finds schema and protocol in it.

    Without it, Spark runs a job over the log for them at each new version, which is a sixth of a small batch's time.
    """
    files, about, protocol = pa.table(table.get_add_actions()), table.metadata(), table.protocol()
    noted = {
        "tableSizeBytes": pc.sum(files["size_bytes"]).as_py() or 0,
        "numFiles": files.num_rows,
        "numMetadata": 1,
        "numProtocol": 1,
        "metadata": {
            "id": about.id,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": table.schema().to_json(),
            "partitionColumns": about.partition_columns,
            "configuration": about.configuration,
            "createdTime": about.created_time,
        },
        "protocol": {
            "minReaderVersion": protocol.min_reader_version,
            "minWriterVersion": protocol.min_writer_version,
        },
    }
    where, root = fs.FileSystem.from_uri(table.table_uri)
    path = f"{root.rstrip('/')}/_delta_log/{table.version():020d}.crc"
    with where.open_output_stream(f"{path}.tmp") as out:
        out.write(json.dumps(noted).encode())
    where.move(f"{path}.tmp", path)


def compact(path: str) -> None:
    """Make the small files of each partition into larger ones. One that fails costs nothing but small files."""
    try:
        with hold_compaction(path, wait=False):
            table = deltalake.DeltaTable(path)
            table.optimize.compact(target_size=COMPACTED_BYTES, max_concurrent_tasks=1)
        write_checksum(table)
    except Compacting:
        pass  # maintenance does it
    except Exception as error:
        sys.stderr.write(f"compaction of {path}: {error}\n")
