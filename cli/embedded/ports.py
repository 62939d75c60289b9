"""The ports of one installation: free ones chosen at the first `up`, kept in config.json from then on."""

from __future__ import annotations

import errno
import random
import socket
from dataclasses import asdict, dataclass, fields, replace

from cli.embedded.errors import StackError
from cli.embedded.home import Home, read_json, write_json

HOST = "127.0.0.1"
RANGE = range(20_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """A port of the loopback interface for each service that listens."""

    postgres: int
    redis: int
    kafka: int
    kafka_controller: int
    web: int


def free(count: int) -> list[int]:
    """That many ports which nothing listens on now, all different.

    Below the range from which the kernel takes ports for outgoing connections: a port that is kept for weeks must not
    be found busy because some client happens to use it.
    """
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if not is_busy(port):
            found.append(port)
            if len(found) == count:
                return found
    raise StackError(f"no {count} free ports between {RANGE.start} and {RANGE.stop}")


def is_busy(port: int) -> bool:
    """Whether something listens on the port. SO_REUSEADDR: a connection just closed is nobody listening."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise StackError(f"port {port} needs more rights than this user has") from error
            return True
    return False


def settle(home: Home, wanted: dict[str, int | None]) -> Ports:
    """The installation's ports, with those in `wanted` put in place of the kept ones. None may be busy."""
    names = [item.name for item in fields(Ports)]
    kept = read_json(home.config).get("ports", {})
    if not isinstance(kept, dict) or any(not isinstance(kept.get(name, 0), int) for name in names):
        raise StackError(
            f"cannot read {home.config}: ports are not numbers", "mend it, or start anew with: penstock reset"
        )
    chosen = Ports(*[kept.get(name) or port for name, port in zip(names, free(len(names)), strict=True)])
    chosen = replace(chosen, **{name: port for name, port in wanted.items() if port})
    check(chosen)
    write_json(home.config, {**read_json(home.config), "ports": asdict(chosen)})
    return chosen


def check(ports: Ports) -> None:
    """StackError when a port is busy, out of range or meant for two services."""
    seen: dict[int, str] = {}
    for name, port in asdict(ports).items():
        option = f"choose another with --{name.replace('_', '-')}-port"
        if not 0 < port < 65536:
            raise StackError(f"port {port} for {name} is not a port", option)
        if port in seen:
            raise StackError(f"port {port} is meant for both {seen[port]} and {name}", option)
        if is_busy(port):
            raise StackError(f"port {port} for {name} is busy", option)
        seen[port] = name


def load(home: Home) -> Ports | None:
    """The ports of the last `up`, None before the first."""
    kept = read_json(home.config).get("ports")
    try:
        return Ports(**kept) if kept else None
    except TypeError as error:
        raise StackError(f"cannot read {home.config}: {error}", "start anew with: penstock reset") from error
