"""The folder of an installation: its secrets, its ports, and what is said when it is broken."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from cli.embedded import ports, state
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.state import ServiceState, StackState

NOT_ASKED: dict[str, int | None] = {}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / ".penstock")
    made.make()
    return made


def test_secrets_are_made_once_and_are_the_owner_s_alone(home: Home, tmp_path: Path) -> None:
    secrets = home.generated_secrets()
    assert home.generated_secrets() == secrets
    assert len(set(secrets.values())) == len(secrets)
    assert home.secrets.stat().st_mode & 0o777 == 0o600
    other = Home(tmp_path / "other")
    other.make()
    assert not set(other.generated_secrets().values()) & set(secrets.values())


def test_secrets_that_others_may_read_are_closed_again(home: Home) -> None:
    home.generated_secrets()
    home.secrets.chmod(0o644)
    home.generated_secrets()
    assert home.secrets.stat().st_mode & 0o077 == 0


def test_a_secret_that_is_missing_is_made_and_the_others_are_kept(home: Home) -> None:
    before = home.generated_secrets()
    home.secrets.write_text(json.dumps({name: value for name, value in before.items() if name != "redis"}))
    after = home.generated_secrets()
    assert after["redis"] != before["redis"]
    assert {**after, "redis": ""} == {**before, "redis": ""}


@pytest.mark.parametrize("broken", ["{", "[]", "\xff", '{"services": 3}', '{"nonsense": 1}'])
def test_a_broken_state_file_is_named_in_one_line(home: Home, broken: str) -> None:
    home.state.write_text(broken, encoding="latin-1")
    with pytest.raises(StackError) as raised:
        state.load(home)
    assert str(home.state) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("broken", ["{", '{"ports": {"kafka": "x"}}', '{"ports": [1]}'])
def test_a_broken_config_is_named_in_one_line(home: Home, broken: str) -> None:
    home.config.write_text(broken)
    with pytest.raises(StackError, match=r"config\.json"):
        ports.settle(home, NOT_ASKED)


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".penstock").write_text("")
    with pytest.raises(StackError, match="cannot write"):
        Home(tmp_path / ".penstock").make()


def test_ports_are_chosen_once_and_kept(home: Home) -> None:
    chosen = ports.settle(home, NOT_ASKED)
    assert ports.settle(home, NOT_ASKED) == chosen == ports.load(home)
    assert len(set(vars(chosen).values())) == 5


def test_a_port_that_was_asked_for_is_kept_too(home: Home) -> None:
    (wanted,) = ports.free(1)
    assert ports.settle(home, {"kafka": wanted}).kafka == wanted
    assert ports.settle(home, NOT_ASKED).kafka == wanted


def test_a_busy_port_is_named_with_its_option(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} for kafka is busy .*--kafka-port"):
            ports.settle(home, {"kafka": port})
    assert not home.config.exists(), "a port that could not be had is not kept"


def test_one_port_for_two_services_is_refused(home: Home) -> None:
    (port,) = ports.free(1)
    with pytest.raises(StackError, match="both"):
        ports.settle(home, {"kafka": port, "web": port})


def test_a_supervisor_that_is_gone_left_a_failed_stack_never_a_running_one(home: Home) -> None:
    StackState(state=state.RUNNING, pid=1, started=1.0, services={"kafka": ServiceState("kafka", "running")}).save(home)
    found = state.load(home)
    assert found.state == state.FAILED
    assert found.services["kafka"].state == "running"


def test_a_follower_hears_every_step_once() -> None:
    told = StackState()
    told.tell("one")
    told.tell("two")
    assert told.steps_after(0) == ["one", "two"]
    assert told.steps_after(1) == ["two"]
    assert told.steps_after(2) == []
    for number in range(state.KEPT_STEPS):
        told.tell(str(number))
    assert told.steps_after(2) == [str(number) for number in range(state.KEPT_STEPS)]
