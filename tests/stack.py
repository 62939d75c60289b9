"""A whole stack of its own for a test, handled as a user handles it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

import psutil
import psycopg
import pyarrow.dataset as ds
from deltalake import DeltaTable

from cli.embedded import ports
from cli.embedded.addresses import postgres_url
from cli.embedded.home import Home
from spark_jobs.contracts import Table
from tests.cli.standins import until

OFFICE_SENSOR = "office-ambient-01"


class Stack:
    """A stack in a folder of its own, by the command only."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def penstock(self, *argv: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli.main", *argv, "--home", str(self.home.root)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_HOME")}
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment)

    def up(self) -> None:
        """Bring it up if it is not."""
        if self.status()["state"] != "running":
            done = self.penstock("up", "--detach", "--rate", "50", seconds=600)
            assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        done = self.penstock("status", "--json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def living(self) -> dict[str, psutil.Process]:
        """Every process of this stack, by any sign."""
        found = {}
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("PENSTOCK_HOME") == str(self.home.root)
                ours = ours or any(str(self.home.root) in item for item in process.cmdline())
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found[f"{process.name()} {process.pid}"] = process
            except psutil.Error:
                continue
        return found

    def drivers(self) -> list[int]:
        found = []
        for process in self.living().values():
            with suppress(psutil.Error):  # it ended in between
                if "spark_jobs.jobs.continuous" in process.cmdline():
                    found.append(process.pid)
        return found

    def kill(self, service: str) -> int:
        pid = int(self.status()["processes"][service]["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def until_back(self, service: str, killed: int) -> None:
        """Until the supervisor has another process in the place of the one that was killed."""

        def back() -> bool:
            now = self.status()["processes"][service]
            return bool(now["state"] == "running" and now["pid"] != killed and now["restarts"] >= 1)

        until(back, 60)

    def lake(self, table: Table) -> Any:
        return DeltaTable(table.under(str(self.home.lake))).to_pyarrow_dataset()

    def office_readings(self) -> tuple[int, int]:
        """Of the recorded sensor: rows of Silver, and readings in the warehouse."""
        silver = self.lake(Table.SILVER).count_rows(filter=ds.field("sensor_id") == OFFICE_SENSOR)
        chosen = ports.load(self.home)
        assert chosen
        url = postgres_url(chosen.postgres, "warehouse", self.home.generated_secrets()["postgres_warehouse"])
        with psycopg.connect(url) as connection:
            count = "SELECT coalesce(sum(reading_count), 0) FROM fact_sensor_readings WHERE sensor_id = %s"
            (loaded,) = connection.execute(count, (OFFICE_SENSOR,)).fetchone() or (0,)
        return int(silver), int(loaded)
