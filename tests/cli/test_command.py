"""The command itself: every subcommand explains itself, every error is one line and a non-zero exit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.client import Client
from cli.embedded.home import Home
from cli.live import View
from cli.login import Login
from cli.main import app

pytestmark = pytest.mark.usefixtures("no_penstock_environment")
runner = CliRunner()


@pytest.mark.parametrize(
    "command",
    [[], ["up"], ["down"], ["status"], ["logs"], ["doctor"], ["reset"], ["demo"], ["jars"], ["ledger"], ["pipelines"]],
)
def test_everything_explains_itself(command: list[str]) -> None:
    found = runner.invoke(app, [*command, "--help"])
    assert found.exit_code == 0
    assert "Usage" in found.output


def one_line(home: Path, *argv: str) -> str:
    found = subprocess.run(
        [sys.executable, "-m", "cli.main", *argv, "--home", str(home)], capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 1, found.stderr
    (line,) = found.stderr.strip().splitlines()
    return line


def test_status_of_nothing_is_stopped(tmp_path: Path) -> None:
    found = runner.invoke(app, ["status", "--json", "--home", str(tmp_path / "none")])
    assert found.exit_code == 0
    report = json.loads(found.output)
    assert (report["state"], report["processes"], report["figures"]) == ("stopped", {}, None)
    assert not (tmp_path / "none").exists(), "asking makes nothing"


def test_a_broken_state_file_is_one_line_for_up_and_status(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")
    for command in ("up", "status", "down"):
        assert "stack.json" in one_line(tmp_path, command)


def test_broken_secrets_are_one_line_for_up(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("not json")
    assert "secrets.json" in one_line(tmp_path, "up", "--no-simulator")


def test_up_without_java_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    line = one_line(tmp_path / "home", "up")
    assert "no working Java" in line
    assert "openjdk-17" in line


def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write" in one_line(tmp_path / "file", "up")


def test_a_full_disk_is_one_line(small_disk: Path) -> None:
    line = one_line(small_disk / "home", "up", "--no-simulator")
    assert "MB are free" in line
    assert "are needed" in line


def test_logs_of_a_process_that_never_ran(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    (home.logs / "kafka.log").write_text("".join(f"line {number}\n" for number in range(10)))
    assert "there are: kafka" in one_line(tmp_path, "logs", "kafkaa")
    found = runner.invoke(app, ["logs", "kafka", "-n", "2", "--home", str(tmp_path)])
    assert found.output.splitlines() == ["line 8", "line 9"]


def test_reset_deletes_a_stack_and_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path / ".penstock")
    home.make()
    (home.state).write_text("{ broken")
    assert runner.invoke(app, ["reset", "--home", str(home.root)], input="n\n").exit_code != 0
    assert home.root.exists()
    assert runner.invoke(app, ["reset", "--yes", "--home", str(home.root)]).exit_code == 0
    assert not home.root.exists()

    stranger = tmp_path / "photos"
    stranger.mkdir()
    (stranger / "one.jpg").write_text("")
    assert "does not look like" in one_line(stranger, "reset", "--yes")
    assert (stranger / "one.jpg").exists()


def test_doctor_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    found = runner.invoke(app, ["doctor", "--json", "--home", str(tmp_path)])
    assert found.exit_code == 1
    report = json.loads(found.output)
    (java,) = [item for item in report["checks"] if item["name"] == "Java"]
    assert report["ok"] is False
    assert "openjdk-17" in java["remedy"]


def test_the_live_line_shows_a_dash_for_what_is_not_known(tmp_path: Path) -> None:
    view = View(Client(Login("http://127.0.0.1:1", "pst_none")), Home(tmp_path))
    line = view.line({"observed": "running", "throughput": 101.25, "lag": {"total": None}})
    assert "101.2 readings/s" in line
    assert "lag –" in line
    assert "accounts not known yet" in line
