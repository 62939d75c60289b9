"""What a driver says of its own end, without Spark and Kafka."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_jobs.contracts import ContinuousArguments, Farewell, farewell_file
from spark_jobs.jobs import continuous

ARGUMENTS = {
    "pipeline": "plant", "version": 1, "generation": 1, "run_tag": "tag", "fencing_token": 1,
    "bootstrap_servers": "none", "topic": "t", "telemetry_topic": "t", "lake": "lake", "jars": (), "sensor_types": (),
}  # fmt: skip


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], tuple[int, Farewell]]:
    """Runs a driver whose queries end so; its exit code and its farewell."""
    arguments = ContinuousArguments(checkpoint=str(tmp_path), **ARGUMENTS)  # type: ignore[arg-type]
    path = tmp_path / "arguments.json"
    path.write_text(arguments.to_json())

    def run(error: Exception | None) -> tuple[int, Farewell]:
        def driver(*_: object) -> None:
            if error is not None:
                raise error

        monkeypatch.setattr(continuous, "check_topic", driver)
        monkeypatch.setattr(continuous.Driver, "__init__", lambda *_: None)
        monkeypatch.setattr(continuous.Driver, "run", lambda _: None)
        monkeypatch.setattr("signal.signal", lambda *_: None)
        code = continuous.main(["continuous", str(path)])
        return code, Farewell.from_json(farewell_file(path).read_text())

    return run


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (None, 0, "drained"),
        (continuous.Refusal(4, "the topic was made anew"), 4, "the topic was made anew"),
        (RuntimeError("query ingest failed: no room\n\tat org.apache.spark"), 1, "query ingest failed: no room"),
    ],
)
def test_a_driver_leaves_a_line_on_how_it_ended(
    ended: Callable[[Exception | None], tuple[int, Farewell]], error: Exception | None, code: int, words: str
) -> None:
    found, farewell = ended(error)
    assert (found, farewell.run_tag, farewell.words) == (code, "tag", words)


def test_one_that_finds_the_checkpoint_held_says_so(
    ended: Callable[[Exception | None], tuple[int, Farewell]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuous, "LOCK_SECONDS", 0.0)
    with (tmp_path / "driver.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, farewell = ended(None)
    assert code == 3
    assert farewell.words.startswith("another driver holds")


def test_arguments_that_are_none_are_named_though_nobody_knows_whose_they_are(tmp_path: Path) -> None:
    path = tmp_path / "arguments.json"
    path.write_text('{"pipeline": "plant"')
    assert continuous.main(["continuous", str(path)]) == 2
    farewell = Farewell.from_json(farewell_file(path).read_text())
    assert (farewell.run_tag, farewell.words.split(":")[0]) == ("", "arguments of the continuous job")
