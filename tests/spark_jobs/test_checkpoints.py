"""Drivers on a checkpoint that was hurt, and on a topic that has lost what comes next. Left by a real driver."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from deltalake import DeltaTable

from spark_jobs.contracts import ContinuousArguments, Query, Table
from spark_jobs.jobs.checkpoints import newest_batch, read_to
from spark_jobs.jobs.continuous import main
from tests.spark_jobs.conftest import make_arguments, make_topics
from tests.spark_jobs.test_driver import Feed, driver, readings_in, rows, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def left(kafka: str, jars: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ContinuousArguments, Feed]:
    """What a driver left that has read 1200 records in several batches and was drained, and who fed it."""
    folder = tmp_path_factory.mktemp("left")
    arguments = replace(make_arguments(kafka, make_topics(kafka), jars, folder), max_offsets_per_trigger=500)
    feed, log = Feed(arguments), folder / "driver.log"
    feed.send(1200)
    with driver(arguments, log) as process:
        wait_for(lambda: readings_in(arguments, Table.SENSOR_5MIN) >= feed.sent["kept"], process, log)
        process.terminate()
        assert process.wait(60) == 0, log.read_text()[-3000:]
    return arguments, feed


@pytest.fixture
def arguments(left: tuple[ContinuousArguments, Feed], tmp_path: Path) -> ContinuousArguments:
    """Those of the next driver, on a copy of the lake and the checkpoint."""
    told, _ = left
    copied = replace(told, lake=str(tmp_path / "lake"), checkpoint=str(tmp_path / "checkpoint"), run_tag=uuid4().hex)
    shutil.copytree(told.lake, copied.lake)
    shutil.copytree(told.checkpoint, copied.checkpoint)
    return copied


def start(arguments: ContinuousArguments) -> int:
    path = Path(arguments.checkpoint) / "arguments.json"
    path.write_text(arguments.to_json())
    return main(["continuous", str(path)])


def offsets(folder: Path) -> Path:
    return folder / "offsets" / str(newest_batch(folder))


def delete(folder: Path) -> None:
    shutil.rmtree(folder)


def put_back_an_older_copy(folder: Path) -> None:
    """From before its newest commit."""
    since = max(int(item.name) for item in (folder / "commits").iterdir() if item.name.isdigit())
    for log in ("offsets", "commits"):
        for item in (folder / log).iterdir():
            if item.name.isdigit() and int(item.name) >= since:
                item.unlink()


def empty(folder: Path) -> None:
    offsets(folder).write_bytes(b"")


def tear(folder: Path) -> None:
    newest = offsets(folder)
    newest.write_text(newest.read_text()[:-10])


def overwrite(folder: Path) -> None:
    offsets(folder).write_bytes(b"\xff\xfe\x00")


@pytest.mark.fault(12, "a query's checkpoint deleted, older, emptied, torn, overwritten")
@pytest.mark.parametrize("query", list(Query))
@pytest.mark.parametrize("hurt", [delete, put_back_an_older_copy, empty, tear, overwrite])
def test_a_hurt_checkpoint_is_refused_with_what_to_do_and_nothing_is_written(
    arguments: ContinuousArguments, query: Query, hurt: Callable[[Path], None], capfd: pytest.CaptureFixture[str]
) -> None:
    before = [DeltaTable(table.under(arguments.lake)).version() for table in Table]
    hurt(Path(arguments.checkpoint) / query)
    assert start(arguments) == 5
    last = capfd.readouterr().err.splitlines()[-1]
    assert f"checkpoint of {query} " in last
    assert "penstock pipelines preflight" in last
    assert [DeltaTable(table.under(arguments.lake)).version() for table in Table] == before


def test_a_checkpoint_that_has_forgotten_its_topic_is_refused(
    arguments: ContinuousArguments, capfd: pytest.CaptureFixture[str]
) -> None:
    (Path(arguments.checkpoint) / "topic.json").unlink()
    assert start(arguments) == 5
    assert "topic.json is gone" in capfd.readouterr().err


@pytest.mark.fault(13, "retention passes the committed offset while the driver runs; a second driver is started")
def test_what_retention_took_unread_stops_the_driver_which_names_the_lost_range(
    arguments: ContinuousArguments,
    left: tuple[ContinuousArguments, Feed],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    _, feed = left
    log, read = tmp_path / "driver.log", feed.records
    feed.send(60)
    with driver(arguments, log) as process:
        wait_for(lambda: rows(arguments, Table.BRONZE) == read + 60, process, log)
        os.killpg(process.pid, signal.SIGSTOP)
        feed.send(300)
        kept = _delete_all_but(arguments, 10)
        os.killpg(process.pid, signal.SIGCONT)
        assert process.wait(180) == 1
    last = log.read_text().splitlines()[-1]
    assert rows(arguments, Table.BRONZE) == read + 60, "it went on behind the gap"
    goes_on = read_to(Path(arguments.checkpoint) / Query.INGEST, arguments.topic)
    lost = [
        f"offsets {goes_on[number]} to {begin - 1} of partition {number} were deleted unread"
        for number, begin in kept.items()
    ]
    assert [words for words in lost if words not in last] == []
    assert start(arguments) == 4
    told = capfd.readouterr().err.splitlines()[-1]
    assert [words for words in lost if words not in told] == []


def _delete_all_but(arguments: ContinuousArguments, last: int) -> dict[int, int]:
    """Have the broker forget all but the last records of each partition; gives where each begins now."""
    admin = AdminClient({"bootstrap.servers": arguments.bootstrap_servers})
    places = [TopicPartition(arguments.topic, number) for number in range(3)]
    ends = admin.list_offsets({place: OffsetSpec.latest() for place in places})
    found = {place.partition: future.result(30).offset for place, future in ends.items()}
    begins = {number: end - last for number, end in found.items() if end > last}  # not every one has a sensor
    asked = [TopicPartition(arguments.topic, number, begin) for number, begin in begins.items()]
    for done in admin.delete_records(asked).values():
        done.result(30)
    return begins
