"""The whole stack as a user runs it: up, used, hurt, down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow.dataset as ds
import pytest

from cli.embedded import ports
from cli.embedded.home import Home
from spark_jobs.contracts import Table
from tests.cli.standins import until
from tests.stack import OFFICE_SENSOR, Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
OFFICE = Path(__file__).parents[1] / "data" / "office_temperature.csv"
OFFICE_READINGS = 7267
SERVICES = ("postgres", "redis", "kafka", "worker", "beat", "web", "collector", "simulator")


def test_readings_reach_the_warehouse_and_a_recount_agrees(stack: Stack) -> None:
    stack.up()
    report = stack.status()
    assert {name: report["processes"][name]["state"] for name in SERVICES} == dict.fromkeys(SERVICES, "running")
    assert report["processes"]["driver"]["pid"]

    def loaded() -> bool:
        accounts = stack.status()["figures"]["accounts"]
        return bool(accounts["warehouse_readings"]) and bool(accounts["balanced"])

    until(loaded, 180)
    done = stack.penstock("ledger", "verify", "--json")
    recount = json.loads(done.stdout)
    assert recount["problems"] == []
    assert done.returncode == 0
    assert recount["kafka"] > 0
    assert json.loads(stack.penstock("ledger", "show", "--json").stdout)["kafka"] > 0


def test_a_second_up_is_refused_in_one_line(stack: Stack) -> None:
    stack.up()
    done = stack.penstock("up", "--detach")
    assert done.returncode == 1
    assert "up already" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_secret_is_on_a_command_line_or_in_a_log(stack: Stack) -> None:
    stack.up()
    secrets = set(stack.home.generated_secrets().values())
    lines = [" ".join(process.cmdline()) for process in stack.living().values()]
    assert any("celery" in line for line in lines)
    assert not [line for line in lines if any(secret in line for secret in secrets)]
    for log in stack.home.logs.rglob("*.log"):
        assert not any(secret in log.read_text(errors="replace") for secret in secrets), log.name


def test_recorded_readings_pass_beside_live_ones(stack: Stack) -> None:
    stack.up()
    done = stack.penstock("simulate", "--replay-csv", str(OFFICE))
    assert done.returncode == 0, done.stderr
    until(lambda: stack.office_readings() == (OFFICE_READINGS, OFFICE_READINGS), 300)
    aside = stack.lake(Table.SET_ASIDE).to_table(filter=ds.field("sensor_id") == OFFICE_SENSOR)
    assert aside.num_rows == 0


def test_services_die_with_the_supervisor_and_the_next_up_goes_on_with_one_driver(stack: Stack) -> None:
    stack.up()
    report = stack.status()
    os.kill(report["supervisor"], signal.SIGKILL)
    pids = [report["processes"][name]["pid"] for name in SERVICES]
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 60)
    assert stack.status()["state"] == "failed"

    stack.up()
    assert stack.drivers() == [stack.status()["processes"]["driver"]["pid"]]


def test_down_leaves_no_process(stack: Stack) -> None:
    stack.up()
    done = stack.penstock("down")
    assert done.returncode == 0, done.stderr
    assert stack.living() == {}
    assert stack.status()["state"] == "stopped"


def test_ctrl_c_in_the_foreground_leaves_no_process(folder: Path) -> None:
    stack = Stack(Home(folder / ".penstock"))
    argv = [sys.executable, "-m", "cli.main", "up", "--no-simulator", "--home", str(stack.home.root)]
    command = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert command.stdout
        for line in command.stdout:
            if line.startswith("kafka: ready"):
                break
        assert len(stack.living()) > 3
        command.send_signal(signal.SIGINT)  # in the middle of the start, the worst moment
        command.communicate(timeout=120)
    finally:
        command.kill()
    assert command.returncode != 0
    until(lambda: stack.living() == {}, 30)
    chosen = ports.load(stack.home)
    assert chosen
    assert not any(ports.is_busy(port) for port in vars(chosen).values())
