"""The lake's tables at pinned versions, for SQL by DuckDB."""

# ruff: noqa: S608 - the statements are put together of names and numbers of this package, no text comes from outside

from __future__ import annotations

import tempfile
from typing import Any
from urllib.parse import unquote

import deltalake
import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake.exceptions import TableNotFoundError

from spark_jobs.contracts import Table

# What does not fit is spilled to disk: a check must not crowd out the pipeline that it checks.
MEMORY = "2GB"


class Lake:
    """Opens tables, newest version unless told otherwise, and answers SQL over narrow copies of their columns.

    Files that a table's log has and its folder has not are left out, and named in `problems`.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.problems: list[str] = []
        self._spill = tempfile.TemporaryDirectory(prefix="penstock-verify-")
        self._sql = duckdb.connect()
        self._sql.execute(f"SET temp_directory='{self._spill.name}'")
        self._sql.execute(f"SET memory_limit='{MEMORY}'")
        self._sql.execute("SET preserve_insertion_order=false")
        self._sql.execute("SET TimeZone='UTC'")

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *_: object) -> None:
        self._sql.close()
        self._spill.cleanup()

    def open(self, table: Table, version: int | None = None) -> deltalake.DeltaTable | None:
        """The table pinned at a version, or None where there is none yet."""
        try:
            return deltalake.DeltaTable(table.under(self.root), version=version)
        except TableNotFoundError:
            return None

    def copy(self, name: str, table: deltalake.DeltaTable | None, columns: dict[str, str], where: str = "true") -> None:
        """Make SQL table `name` of a Delta table; `columns` maps each name to its expression and type, `expr::type`."""
        if table is None:
            typed = ", ".join(
                f"NULL::{expression.rpartition('::')[2]} AS {name}" for name, expression in columns.items()
            )
            self._sql.execute(f"CREATE TABLE {name} AS SELECT {typed} WHERE false")
            return
        wanted = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
        self._sql.register("delta", self.dataset(table))
        try:
            self._sql.execute(f"CREATE TABLE {name} AS SELECT {wanted} FROM delta WHERE {where}")
        finally:
            self._sql.unregister("delta")

    def dataset(self, table: deltalake.DeltaTable) -> ds.Dataset:
        """The files of a table that are there, as the log knows them."""
        whole = table.to_pyarrow_dataset()
        fragments = {fragment.path: fragment for fragment in whole.get_fragments()}
        if not fragments:
            return whole
        found = {info.path: info for info in whole.filesystem.get_file_info(list(fragments))}
        added = pa.table(table.get_add_actions(flatten=True)).select(["path", "size_bytes", "num_records"]).to_pylist()
        logged = {unquote(item["path"]): item for item in added}
        spoilt = {
            path for path in fragments if not found[path].is_file or found[path].size != logged[path]["size_bytes"]
        }
        if not spoilt:
            return whole
        for path in sorted(spoilt):
            what = "is not as long as it was written" if found[path].is_file else "is not there"
            rows = logged[path]["num_records"]
            self._problem(f"a file of {_name(table)} with {rows} rows {what}: {path}")
        left = [fragment for path, fragment in fragments.items() if path not in spoilt]
        return ds.FileSystemDataset(left, whole.schema, whole.format, whole.filesystem)

    def _problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    def insert(self, name: str, rows: Any) -> None:
        """Make SQL table `name` of an Arrow table."""
        self._sql.register("arrow", rows)
        try:
            self._sql.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow")
        finally:
            self._sql.unregister("arrow")

    def run(self, statement: str) -> None:
        self._sql.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._sql.execute(query).fetchall()

    def numbers(self, query: str) -> npt.NDArray[np.int64]:
        """The one column of a query."""
        (column,) = self._sql.execute(query).fetchnumpy().values()
        return np.asarray(column, dtype=np.int64)

    def row(self, query: str) -> tuple[Any, ...]:
        """The one row of a query that always has one."""
        found = self._sql.execute(query).fetchone()
        assert found is not None
        return found

    def number(self, query: str) -> int:
        """The one number of a query; 0 for a sum over nothing."""
        return int(self.row(query)[0] or 0)


def _name(table: deltalake.DeltaTable) -> str:
    return next(item.value for item in Table if table.table_uri.rstrip("/").endswith(item.value))
