"""Tables of an earlier release, and what commits say of themselves; without Spark."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql.pandas.types import to_arrow_schema

from spark_jobs.contracts import Entry, Table
from spark_jobs.jobs.tables import LAYOUTS, Commits, ForgottenError, ensure_tables


def test_a_table_of_an_earlier_release_gets_its_new_columns_and_keeps_its_rows(tmp_path: Path) -> None:
    schema = to_arrow_schema(LAYOUTS[Table.SILVER].schema, timezone="UTC")
    earlier = schema.remove(schema.get_field_index("batch_run"))
    path = Table.SILVER.under(str(tmp_path))
    DeltaTable.create(path, earlier, partition_by=["event_date"])
    write_deltalake(path, pa.Table.from_pylist([{"sensor_id": "a", "refine_seq": 3}], schema=earlier), mode="append")
    ensure_tables(str(tmp_path))
    (row,) = DeltaTable(path).to_pyarrow_table().to_pylist()
    assert (row["sensor_id"], row["refine_seq"], row["batch_run"]) == ("a", 3, None)
    version = DeltaTable(path).version()
    ensure_tables(str(tmp_path))
    assert DeltaTable(path).version() == version


def test_a_run_finds_what_its_last_commit_noted_behind_the_commits_of_others(tmp_path: Path) -> None:
    path, rows = str(tmp_path / "table"), pa.table({"a": [1]})
    write_deltalake(path, rows)
    run, entries = Commits(path, "run/7"), [Entry(3600, "silver", 2), Entry(3600, "anomaly", -1, "temperature")]
    assert run.noted_last() == []
    write_deltalake(run.delta, rows, mode="append", commit_properties=run.next_only(entries))
    for _ in range(3):
        write_deltalake(path, rows, mode="append")
    assert Commits(path, "run/7").noted_last() == entries
    assert Commits(path, "run/8").noted_last() == []
    DeltaTable(path).create_checkpoint()
    for version in range(2):
        (tmp_path / "table" / "_delta_log" / f"{version:020}.json").unlink()
    with pytest.raises(ForgottenError, match="run/7 changed in version 1"):
        Commits(path, "run/7").noted_last()
