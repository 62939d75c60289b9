"""Real services for the integration tests: each started at the first test that asks, once a session, on free ports.

Nothing here has a fixed port or path, so that two sessions run beside each other.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, settings

from cli.embedded import jars as jar_cache
from cli.embedded import kafka as embedded_kafka
from cli.embedded import ports
from cli.embedded import postgres as embedded_postgres
from cli.embedded import redis as embedded_redis
from cli.embedded.addresses import bootstrap_servers, postgres_url
from cli.embedded.addresses import redis_url as redis_address
from cli.embedded.home import Home
from cli.embedded.running import running
from tests.folders import service_folder
from tests.stack import Stack

pytest_plugins = ["tests.fault_table"]
# How long an example takes to make and to run says how busy the machine is.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
# A test's database may lose its last second in a power cut; its commits are twice as fast.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def stack_home() -> Iterator[Home]:
    """A folder for the services of this session."""
    with service_folder() as folder:
        home = Home(folder / ".penstock")
        home.make()
        yield home


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which a test may start a stack of its own."""
    with service_folder() as made:
        yield made


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack of this module's own, which a test that needs it brings up."""
    with service_folder() as made:
        mine = Stack(Home(made / ".penstock"))
        yield mine
        mine.penstock("down")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB, which only root can mount."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def jars() -> Path:
    """The folder with Spark's extra jars."""
    return jar_cache.ensure(print).spark


@pytest.fixture(scope="session")
def kafka(stack_home: Home) -> Iterator[str]:
    """Bootstrap servers of a real broker."""
    port, controller = ports.free(2)
    class_path = jar_cache.ensure(print).kafka
    with running(embedded_kafka.service(stack_home, port, controller, class_path), stack_home):
        yield bootstrap_servers(port)


@pytest.fixture(scope="session")
def postgres(stack_home: Home) -> Iterator[str]:
    """URL of a real PostgreSQL, as its superuser: tests make databases of their own in it."""
    (port,) = ports.free(1)
    secrets = stack_home.generated_secrets()
    with running(embedded_postgres.service(stack_home, port, secrets, NOT_DURABLE), stack_home):
        embedded_postgres.provide(port, secrets)
        yield postgres_url(port, embedded_postgres.ADMIN, secrets["postgres_admin"])


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: str) -> None:
    """Django's database is the session's PostgreSQL.

    Here and nowhere below: pytest runs a session fixture once for each folder that overrides it, and the second time it
    would take the name of the test database away.
    """
    from django.conf import settings

    url = urlsplit(postgres)
    settings.DATABASES["default"].update(
        ENGINE="django.db.backends.postgresql",
        NAME=url.path.lstrip("/"),
        USER=unquote(url.username or ""),
        PASSWORD=unquote(url.password or ""),
        HOST=url.hostname,
        PORT=url.port,
    )


@pytest.fixture(scope="session")
def redis_url(stack_home: Home) -> Iterator[str]:
    """URL of a real Redis, with its password."""
    (port,) = ports.free(1)
    secrets = stack_home.generated_secrets()
    with running(embedded_redis.service(stack_home, port, secrets), stack_home):
        yield redis_address(port, secrets["redis"])


@pytest.fixture
def no_penstock_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variables of a stack that happens to be in this shell."""
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
