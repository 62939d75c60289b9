"""The launcher with a real driver: what its checkpoint says, and that nothing of it is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from controlplane.streaming.checkpoint import checkpoint_read
from pipeline_workers.launchers.base import Life
from pipeline_workers.launchers.local import LocalLauncher
from spark_jobs.contracts import ContinuousArguments
from tests.pipeline_workers.test_postgres_loader import wait_for
from tests.spark_jobs.conftest import arguments, reading, topics

__all__ = ["arguments", "reading", "topics"]
pytestmark = pytest.mark.integration


def test_the_checkpoint_tells_how_far_a_driver_has_read_and_stop_ends_it_with_its_jvm(
    arguments: ContinuousArguments, reading: Callable[..., bytes], tmp_path: Path
) -> None:
    producer = Producer({"bootstrap.servers": arguments.bootstrap_servers})
    for _ in range(20):
        producer.produce(arguments.topic, reading(), key="s-1")
    assert producer.flush(30) == 0
    launcher, folder = LocalLauncher(str(tmp_path)), Path(arguments.checkpoint)
    pid = launcher.launch(arguments)
    assert pid is not None
    process = psutil.Process(pid)
    try:
        wait_for(lambda: checkpoint_read(folder, arguments.topic).offsets is not None, seconds=180)
        found = checkpoint_read(folder, arguments.topic)
        assert found.offsets is not None
        assert (sum(found.offsets.values()), found.broken) == (20, ())
        assert found.topic_id
        family = process.children(recursive=True)
        assert any("java" in item.name() for item in family)

        launcher.stop(launcher.probe(arguments, pid))
        process.wait(10)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert [item.pid for item in alive if item.status() != psutil.STATUS_ZOMBIE] == []
        assert launcher.probe(arguments, pid).life == Life.DEAD
    finally:
        launcher.stop(launcher.probe(arguments, pid))
