"""Upkeep of a lake that delta-rs made: what changes is files, and what is expired is known to the last record."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.table import TableOptimizer
from pyspark.sql import SparkSession

from spark_jobs.applications import MaintenanceArguments, Outcome
from spark_jobs.contracts import Entry, Table
from spark_jobs.jobs import appended, compacting, tables
from spark_jobs.jobs.compacting import compact_lake
from spark_jobs.jobs.compaction_lock import hold_compaction
from spark_jobs.jobs.expiring import Expiring
from spark_jobs.jobs.maintenance import hold_lake, main
from spark_jobs.jobs.tables import LAYOUTS
from spark_jobs.jobs.vacuuming import vacuum_lake
from tests.spark_jobs.upkeep import OLD, TODAY, YOUNG, Killed, Lake, Told, balance, expire


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def arguments(lake: Lake, tmp_path: Path) -> MaintenanceArguments:
    return MaintenanceArguments(
        pipeline="plant",
        run_tag="tag",
        run=7,
        attempt=1,
        stages=("compact", "expire", "vacuum"),
        workspace=str(tmp_path / "work"),
        lake=lake.root,
        bootstrap_servers="127.0.0.1:1",
        telemetry_topic="telemetry",
        today=TODAY.isoformat(),
        bronze_days=30,
        dead_letter_days=60,
        vacuum_hours=168,
    )


# Compaction -------------------------------------------------------------------------------------------------------


def test_small_files_become_one_in_each_partition_and_no_row_changes(lake: Lake) -> None:
    for day in (OLD, YOUNG):
        for _ in range(4):
            lake.take(day, reasons=("empty",))
    before = {table: lake.rows(table) for table in LAYOUTS}
    done = compact_lake(lake.root).detail
    assert done["left"] == []
    figures = done["tables"][Table.BRONZE]
    assert (figures["files_before"], figures["files_after"]) == (16, 4)
    assert figures["bytes_after"] == sum(pa.table(lake.table(Table.BRONZE).get_add_actions())["size_bytes"].to_pylist())
    assert figures["bytes_after"] < figures["bytes_before"]
    for table, rows in before.items():
        assert rows.sort(rows.columns).equals(lake.rows(table).sort(rows.columns)), table


def test_a_second_compaction_commits_nothing(lake: Lake) -> None:
    lake.take(OLD)
    lake.take(OLD)
    compact_lake(lake.root)
    versions = {table: lake.table(table).version() for table in LAYOUTS}
    done = compact_lake(lake.root).detail
    assert {table: lake.table(table).version() for table in LAYOUTS} == versions
    assert all(it["files_before"] == it["files_after"] for it in done["tables"].values())


def test_a_partition_that_others_rewrite_each_time_is_left_and_said_so(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.take(OLD)
    lake.take(OLD)
    tries, compact = list[int](), TableOptimizer.compact

    def beaten(optimizer: TableOptimizer, **named: Any) -> Any:
        if optimizer.table.table_uri.rstrip("/").endswith(Table.BRONZE):
            tries.append(1)
            lake.ingest(OLD, 1)
            lake.table(Table.BRONZE).delete(f"offset = {len(tries)}")
        return compact(optimizer, **named)

    monkeypatch.setattr(TableOptimizer, "compact", beaten)
    done = compact_lake(lake.root).detail
    assert len(tries) == compacting.TRIES
    assert done["left"] == [
        f"bronze/readings disposition=accepted, ingest_date={OLD}: rewritten by others meanwhile, 3 times"
    ]
    assert done["tables"][Table.SILVER]["files_after"] == 1
    assert lake.rows(Table.BRONZE)["offset"].sort().to_list() == [0, 4, 5, 6, 7, 8]


def test_two_compactions_at_once_would_double_the_rows_so_the_second_waits_or_leaves_it(
    lake: Lake, capfd: pytest.CaptureFixture[str]
) -> None:
    lake.take(OLD)
    lake.take(OLD)
    path = Table.BRONZE.under(lake.root)
    with ThreadPoolExecutor(1) as pool:
        with hold_compaction(path, wait=False):
            appended.compact(path)  # the driver's
            assert (lake.table(Table.BRONZE).version(), capfd.readouterr().err) == (2, "")
            waiting = pool.submit(compact_lake, lake.root)
            assert not wait([waiting], 0.3).done
            DeltaTable(path).optimize.compact()
            version = lake.table(Table.BRONZE).version()
        waiting.result(30)
    assert lake.table(Table.BRONZE).version() == version == 3
    assert lake.rows(Table.BRONZE)["offset"].sort().to_list() == [*range(6)]


# Expiry -----------------------------------------------------------------------------------------------------------


def test_days_that_were_kept_for_long_enough_go_and_are_written_down(
    lake: Lake, arguments: MaintenanceArguments
) -> None:
    lake.take(OLD, 5, ("empty", "not_utf8", "not_utf8"))
    lake.take(YOUNG, 2, ("empty",))
    before, told = balance(lake), Told()
    done = expire(arguments, told, dead_letter_days=39)
    assert done == {
        "rows": {"accepted": 5, "dead_letter": 3},
        "days": [f"accepted of {OLD}", f"dead_letter of {OLD}"],
        "left": [],
    }
    assert set(lake.rows(Table.BRONZE)["ingest_date"]) == {YOUNG}
    assert balance(lake) == before
    (message,) = told.messages
    ten = int(datetime(OLD.year, OLD.month, OLD.day, 10, tzinfo=UTC).timestamp())
    assert message.entries == (Entry(ten, "expired", 1, "empty"), Entry(ten, "expired", 2, "not_utf8"))
    assert (message.query, message.generation, message.batch, message.rows_in) == ("expire", 0, 2, 3)


def test_a_day_is_kept_for_as_long_as_is_said_the_day_of_the_run_aside(
    lake: Lake, arguments: MaintenanceArguments
) -> None:
    lake.take(OLD)
    assert expire(arguments, bronze_days=40)["days"] == []
    assert expire(arguments, bronze_days=39)["days"] == [f"accepted of {OLD}"]


def test_what_is_kept_for_no_day_at_all_is_an_error(arguments: MaintenanceArguments) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        expire(arguments, bronze_days=0)


def test_a_day_that_refine_has_not_judged_to_the_end_stays(lake: Lake, arguments: MaintenanceArguments) -> None:
    accepted = lake.ingest(OLD, 5, ("empty",))
    lake.refine(accepted[:3], aside=1)
    assert expire(arguments)["left"] == [f"accepted of {OLD} stays: refine has not judged 2 readings of it yet"]
    assert lake.rows(Table.BRONZE).height == 6
    lake.seq += 1
    lake.refine(accepted[3:])
    assert expire(arguments)["rows"] == {"accepted": 5, "dead_letter": 0}


def test_what_was_set_aside_by_a_batch_that_silver_has_not_is_not_judged(
    lake: Lake, arguments: MaintenanceArguments
) -> None:
    (one,) = lake.ingest(OLD, 1)
    aside = {**one, "refine_seq": lake.seq, "reason": "duplicate"}
    lake.append(Table.SET_ASIDE, [{name: aside.get(name) for name in LAYOUTS[Table.SET_ASIDE].schema.names}], "refine")
    assert "has not judged 1 readings" in expire(arguments)["left"][0]
    lake.append(Table.SILVER, [], "refine")
    assert expire(arguments)["left"] == []


@pytest.mark.parametrize("instant", ["before the delete", "after the delete"])
def test_an_expiry_that_is_killed_is_made_good_by_the_next(
    lake: Lake, arguments: MaintenanceArguments, monkeypatch: pytest.MonkeyPatch, instant: str
) -> None:
    lake.take(OLD, 5, ("empty",))
    lake.take(OLD - timedelta(days=30), 2, ("empty", "empty"))
    before, told, delete = balance(lake), Told(), DeltaTable.delete

    def killed(table: DeltaTable, *given: Any, **named: Any) -> None:
        if instant == "after the delete":
            delete(table, *given, **named)
        raise Killed

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(DeltaTable, "delete", killed)
            with pytest.raises(Killed):
                expire(arguments, told, dead_letter_days=30)
        assert balance(lake) == before
    expire(arguments, told, dead_letter_days=30)
    assert balance(lake) == before
    assert lake.rows(Table.BRONZE).height == 0
    # Told again it counts once: upserted on its number.
    assert sum({message.batch: message.rows_in for message in told.messages}.values()) == 3


def test_expiring_twice_takes_nothing_the_second_time(lake: Lake, arguments: MaintenanceArguments) -> None:
    lake.take(OLD)
    expire(arguments)
    version, written = lake.table(Table.BRONZE).version(), lake.rows(Table.EXPIRED)
    assert expire(arguments) == {"rows": {"accepted": 0, "dead_letter": 0}, "days": [], "left": []}
    assert lake.table(Table.BRONZE).version() == version
    assert lake.rows(Table.EXPIRED).equals(written)


def test_what_comes_into_a_day_while_it_expires_stays(
    lake: Lake, arguments: MaintenanceArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.take(OLD, 5)
    write_down = Expiring._write_down

    def slow(self: Expiring, *given: Any) -> None:
        write_down(self, *given)
        if lake.offset == 5:
            lake.ingest(OLD, 2)

    monkeypatch.setattr(Expiring, "_write_down", slow)
    done = expire(arguments)
    held = balance(lake)
    assert held == Counter({("accepted", at): 1 for at in range(7)})
    assert lake.rows(Table.BRONZE)["offset"].to_list() == [5, 6] or done["left"]


def test_a_compaction_meanwhile_has_the_day_counted_again(
    lake: Lake, arguments: MaintenanceArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.take(OLD, 5)
    lake.take(OLD, 5)
    delete, tries = DeltaTable.delete, list[str]()

    def beaten(table: DeltaTable, *given: Any, **named: Any) -> Any:
        if not tries:
            DeltaTable(table.table_uri).optimize.compact()
        try:
            done = delete(table, *given, **named)
        except CommitFailedError:
            tries.append("beaten")
            raise
        tries.append("done")
        return done

    monkeypatch.setattr(DeltaTable, "delete", beaten)
    assert expire(arguments)["rows"] == {"accepted": 10, "dead_letter": 0}
    assert tries == ["beaten", "done"]
    assert balance(lake) == Counter({("accepted", at): 1 for at in range(10)})


# Vacuum -----------------------------------------------------------------------------------------------------------


def age(lake: Lake, days: float, tables: tuple[Table, ...] = tuple(LAYOUTS)) -> None:
    """As if all that was done to these tables had been done so many days ago."""
    then = time.time() - days * 86400
    for table in tables:
        folder = Path(table.under(lake.root))
        for path in (folder / "_delta_log").glob("*.json"):
            actions = [json.loads(line) for line in path.read_text().splitlines()]
            for action in actions:
                if "remove" in action:
                    action["remove"]["deletionTimestamp"] = int(then * 1000)
                if "commitInfo" in action:
                    action["commitInfo"]["timestamp"] = int(then * 1000)
            path.write_text("\n".join(json.dumps(action) for action in actions))
        for found in folder.rglob("*"):
            os.utime(found, (then, then))


def files(lake: Lake, table: Table) -> list[str]:
    found = Path(table.under(lake.root)).rglob("*.parquet")
    return sorted(path.name for path in found if "_delta_log" not in path.parts)


def compacted_long_ago(lake: Lake) -> None:
    for _ in range(3):
        lake.take(OLD)
    compact_lake(lake.root)
    age(lake, 10)


def leave(lake: Lake, days: float) -> Path:
    """What a killed driver wrote and did not commit."""
    left = Path(Table.BRONZE.under(lake.root)) / f"batches/tag/{days}/disposition=accepted/part.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"rubbish")
    then = time.time() - days * 86400
    os.utime(left, (then, then))
    return left


def test_files_that_nothing_refers_to_any_more_are_removed(lake: Lake) -> None:
    compacted_long_ago(lake)
    killed, writing = leave(lake, 8), leave(lake, 0)
    lake.take(TODAY)
    lake.take(TODAY)
    before = lake.rows(Table.BRONZE)
    done = vacuum_lake(lake.root, "plant", 168).detail
    assert done["left"] == []
    assert done["tables"][Table.BRONZE]["files_removed"] == 4  # three that were compacted, one that never was committed
    assert done["tables"][Table.BRONZE]["bytes_removed"] > 0
    assert (killed.exists(), killed.parents[1].exists(), writing.exists()) == (False, False, True)
    assert lake.rows(Table.BRONZE).equals(before)
    assert len(files(lake, Table.SILVER)) == 3
    again = vacuum_lake(lake.root, "plant", 168).detail["tables"]
    assert all(figures["files_removed"] == 0 for figures in again.values())


def test_files_removed_within_the_hours_stay(lake: Lake) -> None:
    compacted_long_ago(lake)
    lake.take(TODAY)
    lake.take(TODAY)
    age(lake, 1)
    kept = files(lake, Table.BRONZE)
    vacuum_lake(lake.root, "plant", 168)
    assert files(lake, Table.BRONZE) == kept


def test_a_stream_that_stands_still_keeps_the_files_it_has_yet_to_read(lake: Lake) -> None:
    compacted_long_ago(lake)
    lake.ingest(TODAY, 3)  # and refine judges nothing since ten days ago
    done = vacuum_lake(lake.root, "plant", 168).detail
    assert [sentence.split()[0] for sentence in done["left"]] == [it for it in LAYOUTS if it != Table.EXPIRED]
    assert len(files(lake, Table.BRONZE)) == 5
    assert done["tables"][Table.BRONZE] == {"files_removed": 0, "bytes_removed": 0, "log_files_removed": 0}


def test_a_batch_run_that_judged_what_the_stream_has_not_read_proves_nothing(lake: Lake) -> None:
    compacted_long_ago(lake)
    accepted = [lake.ingest(TODAY, 3), lake.ingest(TODAY, 3)]
    for at, rows in enumerate(accepted, start=lake.seq - 1):
        kept = [{**row, "refine_seq": at, "event_date": TODAY} for row in rows]
        names = LAYOUTS[Table.SILVER].schema.names
        lake.append(Table.SILVER, [{name: row.get(name) for name in names} for row in kept])
    done = vacuum_lake(lake.root, "plant", 168).detail
    assert done["tables"][Table.BRONZE]["files_removed"] == 0


def test_old_entries_of_the_log_go_and_the_table_stays_as_it_is(lake: Lake) -> None:
    for _ in range(11):
        lake.take(OLD)
    log = Path(Table.BRONZE.under(lake.root)) / "_delta_log"
    (log / f"{3:020d}.crc").write_text("{}")
    age(lake, 10)
    for _ in range(11):
        lake.take(TODAY)
    assert (log / f"{3:020d}.json").exists()  # no writer cleans up
    before = lake.rows(Table.BRONZE)
    done = vacuum_lake(lake.root, "plant", 168).detail
    entries = sorted(path.name for path in log.glob("*.json"))
    assert entries[0] == f"{9:020d}.json"  # from which on the checkpoint of that time goes
    assert not (log / f"{3:020d}.crc").exists()
    assert done["tables"][Table.BRONZE]["log_files_removed"] == 10
    assert lake.rows(Table.BRONZE).sort("offset").equals(before.sort("offset"))
    assert lake.table(Table.BRONZE).transaction_version("penstock/plant/ingest") == 22


def test_less_than_an_hour_is_refused(lake: Lake) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        vacuum_lake(lake.root, "plant", 0)


# The application --------------------------------------------------------------------------------------------------


def test_the_application_does_its_stages_and_says_what_came_of_each(
    lake: Lake, arguments: MaintenanceArguments, tmp_path: Path
) -> None:
    for _ in range(3):
        lake.take(OLD)
    told = tmp_path / "arguments.json"
    told.write_text(arguments.to_json(), encoding="utf-8")
    assert main(["maintenance", str(told)]) == 0
    outcome = Outcome.read(Path(arguments.workspace))
    assert outcome is not None
    compact, expired, vacuum = outcome.stages
    assert compact.detail["tables"][Table.BRONZE]["files_after"] == 1
    assert (expired.rows_in, expired.detail["days"]) == (9, [f"accepted of {OLD}"])
    assert vacuum.state == "succeeded"


def test_of_two_maintenances_of_a_lake_the_second_fails_with_words(
    lake: Lake, arguments: MaintenanceArguments, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "arguments.json"
    told.write_text(arguments.to_json(), encoding="utf-8")
    with hold_lake(lake.root):
        assert main(["maintenance", str(told)]) == 1
    assert "another maintenance application works on" in capfd.readouterr().err


@pytest.mark.integration
def test_a_stream_that_follows_sees_no_row_twice_and_misses_none(
    lake: Lake, arguments: MaintenanceArguments, spark: SparkSession, tmp_path: Path
) -> None:
    seen: list[int] = []

    def follow() -> list[int]:
        """What a stream finds that has not been there at its last look."""
        seen.clear()
        stream = tables.follow(spark, lake.root, Table.BRONZE, 24).where("disposition = 'accepted'")
        query = (
            stream.writeStream.foreachBatch(lambda rows, _: seen.extend(row["offset"] for row in rows.collect()))
            .option("checkpointLocation", str(tmp_path / "checkpoint"))
            .trigger(availableNow=True)
            .start()
        )
        assert query.awaitTermination(120)
        return sorted(seen)

    lake.take(OLD, 3, ("empty",))
    lake.take(OLD, 3)
    lake.take(TODAY, 2)
    assert follow() == [0, 1, 2, 4, 5, 6, 7, 8]
    lake.take(TODAY, 2)  # unread while all of it is rewritten
    compact_lake(lake.root)
    assert expire(arguments)["rows"]["accepted"] == 6
    vacuum_lake(lake.root, "plant", 168)
    lake.take(TODAY, 2)
    assert follow() == [9, 10, 11, 12]
