"""How a stack's processes are hurt, and what must hold of it afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import psycopg
import pyarrow.compute as pc
from psycopg.rows import dict_row

from cli.embedded import environment, jars, ports, state
from controlplane.streaming.states import MOVES, Observed
from spark_jobs.contracts import Query, Table
from tests.cli.standins import until
from tests.stack import Stack

# How long what is away stays away. The goals say minutes; PENSTOCK_FAULT_SECONDS=120 takes them at their word.
AWAY_SECONDS = float(os.environ.get("PENSTOCK_FAULT_SECONDS", "25"))
GOAL = 60.0
SLOW_MACHINE = 3  # a figure is for a machine that is otherwise idle; it fails at three times as much


def environment_of(stack: Stack) -> dict[str, str]:
    """What every process of the stack is configured by."""
    chosen, fetched = ports.load(stack.home), jars.located()
    assert chosen
    assert fetched
    return environment.environment(stack.home, chosen, stack.home.generated_secrets(), fetched)


def rows(stack: Stack, statement: str, *values: object) -> list[dict[str, Any]]:
    """What the control plane's database answers."""
    with psycopg.connect(environment_of(stack)["PENSTOCK_DATABASE_URL"], row_factory=dict_row) as connection:
        return connection.execute(statement, values).fetchall()


def job(stack: Stack) -> dict[str, Any]:
    (only,) = rows(stack, "SELECT * FROM streaming_streamingjob")
    return only


def committed_by_all(stack: Stack) -> float:
    """Since when every query has committed a batch, by the word of its driver; epoch seconds."""
    newest = "SELECT extract(epoch FROM max(committed_at))::float AS at FROM streaming_microbatch GROUP BY query"
    found = [float(row["at"]) for row in rows(stack, newest)]
    return min(found) if len(found) == len(Query) else 0.0


def kill_driver(stack: Stack) -> int:
    """Kill the one driver; its pid."""
    (pid,) = stack.drivers()
    os.kill(pid, signal.SIGKILL)
    return pid


def kill_group(stack: Stack, service: str) -> int:
    """Kill a service with the processes that it has of its own; the pid it had. A driver has a session of its own."""
    pid = int(stack.status()["processes"][service]["pid"])
    os.killpg(pid, signal.SIGKILL)
    return pid


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """These process groups stand still for as long as the block lasts."""
    try:
        for pid in pids:
            os.killpg(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)


def pid_of(stack: Stack, service: str) -> int:
    return int(stack.status()["processes"][service]["pid"])


def until_progressing(stack: Stack, *, since: float, seconds: float = GOAL * SLOW_MACHINE) -> float:
    """Until one driver is there, the control plane knows that it runs, and every query has committed after `since`.

    `since` is in epoch seconds. Gives how long it took.
    """
    began = time.monotonic()

    def progressing() -> bool:
        with suppress(psycopg.Error):
            known = job(stack)
            return (
                known["observed"] == Observed.RUNNING
                and stack.drivers() == [known["pid"]]
                and committed_by_all(stack) > since
            )
        return False

    until(progressing, seconds)
    return time.monotonic() - began


def until_whole(stack: Stack) -> None:
    """Until every service runs."""

    def whole() -> bool:
        now = state.load(stack.home)
        services = now.services.values()
        return now.state == state.RUNNING and all(item.state == "running" for item in services)

    until(whole, 120)


def assert_exact(stack: Stack) -> None:
    """Bronze has every offset of every partition once, Silver every reading once, and the accounts balance."""
    bronze = stack.lake(Table.BRONZE).to_table(columns=["partition", "offset"])
    by_partition = bronze.group_by("partition").aggregate([("offset", "count_distinct"), ("offset", "max")])
    for found in by_partition.to_pylist():
        assert found["offset_count_distinct"] == found["offset_max"] + 1, f"Bronze lacks offsets: {found}"
    assert pc.sum(by_partition["offset_count_distinct"]).as_py() == bronze.num_rows, "Bronze has offsets twice"
    silver = stack.lake(Table.SILVER).to_table(columns=["sensor_id", "timestamp"])
    assert silver.group_by(["sensor_id", "timestamp"]).aggregate([]).num_rows == silver.num_rows
    until(lambda: bool(stack.status()["figures"]["accounts"]["balanced"]), GOAL)


def assert_legal_moves(stack: Stack) -> None:
    """Each state of the job followed the one before it, by a move that is allowed."""
    moves = rows(stack, "SELECT before, after FROM streaming_streamingjobmove ORDER BY id")
    last = Observed.STOPPED.value
    for move in moves:
        assert move["before"] == last
        assert move["after"] in MOVES[Observed(move["before"])]
        last = move["after"]
    assert last == job(stack)["observed"]


def alive(pid: int) -> bool:
    with suppress(psutil.Error):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False
