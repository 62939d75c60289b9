"""The continuous job: one driver, three queries, from Kafka to Gold. `python -m spark_jobs.jobs.continuous ARGUMENTS`.

Exit codes: 0 drained, 1 a query failed, 2 unusable arguments, 3 another driver holds the checkpoint, 4 the topic is
not the one that the checkpoint was made for or has lost what comes next, 5 the checkpoint is broken or not the one that
the lake was written with. The last line on stderr names the cause.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any, Protocol

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.listener import StreamingQueryListener
from pyspark.sql.streaming.query import StreamingQuery

from spark_jobs.contracts import (
    ContinuousArguments,
    DriverReport,
    DriverState,
    Farewell,
    IngestProgress,
    Query,
    farewell_file,
    read_arguments,
)
from spark_jobs.jobs import checkpoints, tables
from spark_jobs.jobs.aggregate import Aggregate
from spark_jobs.jobs.causes import one_line
from spark_jobs.jobs.ingest import Ingest
from spark_jobs.jobs.refine import Refine
from spark_jobs.jobs.session import open_session
from spark_jobs.jobs.telemetry import Telemetry

HEARTBEAT_SECONDS = 5.0
FOLLOW_SECONDS = 0.2  # between two looks of refine and aggregate at the table that they follow
DRAIN_SECONDS = 60.0
LOCK_SECONDS = 2.0


class Refusal(Exception):
    """The driver must not start; `code` is its exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Drained(Exception):
    """A batch came after the drain was asked for; it is done at the next start."""


class Stage(Protocol):
    def source(self) -> DataFrame: ...

    def take(self, rows: DataFrame, batch: int) -> None: ...


class Driver:
    """Runs the queries until one fails or `drain` is called, and tells the control plane of its state."""

    def __init__(self, arguments: ContinuousArguments, topic_id: str) -> None:
        self._arguments, self._topic_id = arguments, topic_id
        self._stop = threading.Event()
        self._state = DriverState.STARTING
        self._telemetry = Telemetry(arguments, arguments.generation)
        self._causes: list[Exception] = []  # Spark would tell of them as a Java trace

    def drain(self, *_: int | FrameType | None) -> None:
        self._stop.set()

    def run(self) -> None:
        """Raises whatever ended a query."""
        arguments = self._arguments
        beat = threading.Thread(target=self._beat, daemon=True)
        beat.start()
        spark = open_session(
            f"penstock-{arguments.pipeline}",
            master=arguments.master,
            jars=arguments.jars,
            memory=arguments.driver_memory,
            conf=arguments.spark_conf,
        )
        try:
            tables.ensure_tables(arguments.lake)
            spark.streams.addListener(IngestListener(arguments, self._telemetry, self._topic_id))
            queries = self._start(spark)
            self._report(DriverState.RUNNING)
            failed = self._watch(queries)
            self._report(DriverState.DRAINING)
            self._drain(queries)
            if failed is not None:
                raise RuntimeError(f"query {failed.name} failed: {self._cause(failed)}")
            self._report(DriverState.STOPPED)
        except BaseException as error:
            self._report(DriverState.FAILED, one_line(str(error)))
            raise
        finally:
            self._telemetry.flush()
            spark.stop()

    def _start(self, spark: SparkSession) -> list[StreamingQuery]:
        stages: dict[Query, Stage] = {
            Query.INGEST: Ingest(spark, self._arguments, self._telemetry),
            Query.REFINE: Refine(spark, self._arguments, self._telemetry),
            Query.AGGREGATE: Aggregate(spark, self._arguments, self._telemetry),
        }
        return [
            stage.source()
            .writeStream.queryName(str(name))
            .foreachBatch(self._guarded(stage))
            .option("checkpointLocation", f"{self._arguments.checkpoint}/{name}")
            .trigger(processingTime=f"{self._pace(name)} seconds")
            .start()
            for name, stage in stages.items()
        ]

    def _pace(self, name: Query) -> float:
        """Ingest sets the pace, and the others start at its commits: at a pace of their own all three would run at
        once and hold one another up."""
        return self._arguments.trigger_seconds if name == Query.INGEST else FOLLOW_SECONDS

    def _guarded(self, stage: Stage) -> Any:
        """A batch that has begun when the drain is asked for ends; none begins after it."""

        def take(rows: DataFrame, batch: int) -> None:
            if self._stop.is_set():
                raise Drained
            try:
                stage.take(rows, batch)
            except Exception as error:
                self._causes.append(error)
                raise

        return take

    def _watch(self, queries: list[StreamingQuery]) -> StreamingQuery | None:
        """Wait for the drain or the first query that ends by itself, which is returned."""
        while not self._stop.wait(0.5):
            for query in queries:
                if not query.isActive:
                    self._stop.set()
                    return query
        return None

    def _cause(self, failed: StreamingQuery) -> str:
        """What ended a query. Of records that are gone Spark says that they are, and not which."""
        with suppress(KafkaException):
            admin = AdminClient({"bootstrap.servers": self._arguments.bootstrap_servers})
            if failed.name == Query.INGEST and (lost := _deleted_unread(admin, self._arguments)):
                return "; ".join(lost)
        return one_line(str(self._causes[0] if self._causes else failed.exception()))

    def _drain(self, queries: list[StreamingQuery]) -> None:
        """Let the batches that run end, then stop: a query stopped in a batch would only do it again."""
        deadline = time.monotonic() + DRAIN_SECONDS
        for query in queries:
            while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
                time.sleep(0.1)
            query.stop()

    def _beat(self) -> None:
        while True:
            self._report(self._state)
            time.sleep(HEARTBEAT_SECONDS)

    def _report(self, state: DriverState, reason: str = "") -> None:
        self._state = state
        self._telemetry.send(
            DriverReport(
                pipeline=self._arguments.pipeline,
                at=time.time(),
                run_tag=self._arguments.run_tag,
                version=self._arguments.version,
                generation=self._arguments.generation,
                fencing_token=self._arguments.fencing_token,
                pid=os.getpid(),
                host=socket.gethostname(),
                state=state,
                reason=reason,
            )
        )


class IngestListener(StreamingQueryListener):
    """Tells how far ingest has read: Spark commits no group offsets, so nobody else knows."""

    def __init__(self, arguments: ContinuousArguments, telemetry: Telemetry, topic_id: str) -> None:
        self._arguments, self._telemetry, self._topic_id = arguments, telemetry, topic_id

    def onQueryProgress(self, event: Any) -> None:
        progress = event.progress
        if progress.name != Query.INGEST or not progress.sources:
            return
        offsets = json.loads(progress.sources[0].endOffset)[self._arguments.topic]
        self._telemetry.send(
            IngestProgress(
                pipeline=self._arguments.pipeline,
                at=time.time(),
                generation=self._arguments.generation,
                topic=self._arguments.topic,
                topic_id=self._topic_id,
                offsets=offsets,
            )
        )

    def onQueryStarted(self, event: Any) -> None:
        pass

    def onQueryIdle(self, event: Any) -> None:
        pass

    def onQueryTerminated(self, event: Any) -> None:
        pass


@contextmanager
def hold_checkpoint(arguments: ContinuousArguments) -> Iterator[None]:
    """Hold the checkpoint's lock, which the kernel frees when this process ends. Raises Refusal (3)."""
    folder = Path(arguments.checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "driver.lock").open("a+", encoding="utf-8") as lock:
        # Whoever asks whether a driver lives holds the lock for an instant.
        until = time.monotonic() + LOCK_SECONDS
        while not _locked(lock):
            if time.monotonic() > until:
                lock.seek(0)
                raise Refusal(3, f"another driver holds {folder}: {lock.read().strip()}")
            time.sleep(0.1)
        lock.truncate(0)
        json.dump({"run_tag": arguments.run_tag, "pid": os.getpid(), "started": time.time()}, lock)
        lock.flush()
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def check_checkpoint(arguments: ContinuousArguments) -> None:
    """Raises Refusal (5) where going on from the checkpoint would pass over rows without a word."""
    if found := list(checkpoints.faults(arguments)):
        told = "; ".join(found)
        raise Refusal(5, f"{told}; put the right one back, or see what is needed: penstock pipelines preflight")


def check_topic(arguments: ContinuousArguments) -> str:
    """The topic's id, which must be the one of the checkpoint: in a topic made anew, offsets mean other records.

    Raises Refusal (4), also where retention has passed the offsets at which the checkpoint goes on.
    """
    admin = AdminClient({"bootstrap.servers": arguments.bootstrap_servers})
    try:
        described = admin.describe_topics(TopicCollection([arguments.topic]), request_timeout=30)
        topic_id = str(described[arguments.topic].result().topic_id)
        lost = _deleted_unread(admin, arguments)
    except KafkaException as error:
        raise Refusal(4, f"topic {arguments.topic} cannot be read: {error.args[0].str()}") from error
    noted = Path(arguments.checkpoint) / "topic.json"
    if not noted.exists():
        noted.write_text(json.dumps({"topic": arguments.topic, "id": topic_id}), encoding="utf-8")
    elif json.loads(noted.read_text(encoding="utf-8")) != {"topic": arguments.topic, "id": topic_id}:
        raise Refusal(
            4, f"topic {arguments.topic} is not the one of this checkpoint: it was made anew; start a new generation"
        )
    if lost:
        raise Refusal(
            4, f"topic {arguments.topic}: {'; '.join(lost)}; see what is needed: penstock pipelines preflight"
        )
    return topic_id


def _deleted_unread(admin: AdminClient, arguments: ContinuousArguments) -> list[str]:
    """A sentence on each range of offsets that the topic lost before ingest had read it. Raises KafkaException."""
    wanted = checkpoints.read_to(Path(arguments.checkpoint) / Query.INGEST, arguments.topic)
    places = {TopicPartition(arguments.topic, partition): offset for partition, offset in wanted.items()}
    oldest = (
        admin.list_offsets({place: OffsetSpec.earliest() for place in places}, request_timeout=30) if places else {}
    )
    begins = {place.partition: future.result().offset for place, future in oldest.items()}
    return [
        f"offsets {offset} to {begins[place.partition] - 1} of partition {place.partition} were deleted unread"
        for place, offset in places.items()
        if begins[place.partition] > offset
    ]


def main(argv: list[str]) -> int:
    if len(argv) != 2 or argv[1] in ("-h", "--help"):
        sys.stderr.write(f"{__doc__}\n")
        return 0 if argv[1:] in (["-h"], ["--help"]) else 2
    try:
        arguments = read_arguments(argv[1])
    except (OSError, ValueError) as error:
        return _leave(argv[1], "", 2, f"arguments of the continuous job: {one_line(str(error))}")
    try:
        with hold_checkpoint(arguments):
            code, words = _run(arguments)
            # While the checkpoint is held: whoever finds it free finds this too.
            return _leave(argv[1], arguments.run_tag, code, words)
    except Refusal as refusal:
        return _leave(argv[1], arguments.run_tag, refusal.code, str(refusal))


def _run(arguments: ContinuousArguments) -> tuple[int, str]:
    """Run the driver to its end; the exit code, and in one line how it came to it."""
    try:
        check_checkpoint(arguments)
        driver = Driver(arguments, check_topic(arguments))
        signal.signal(signal.SIGTERM, driver.drain)
        signal.signal(signal.SIGINT, driver.drain)
        driver.run()
    except Refusal as refusal:
        return refusal.code, str(refusal)
    except Exception as error:
        return 1, one_line(str(error))
    return 0, "drained"


def _leave(arguments: str, run_tag: str, code: int, words: str) -> int:
    """Say how this driver ended, in the log and beside its arguments; gives the code."""
    if code:
        sys.stderr.write(f"{words}\n")
    told = Farewell(run_tag=run_tag, pid=os.getpid(), words=words)
    with suppress(OSError):  # a full disk may be what it ends of
        farewell_file(arguments).write_text(told.to_json(), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv))
