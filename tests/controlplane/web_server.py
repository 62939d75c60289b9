"""The control plane behind the server that it runs in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.db import connection

from cli.embedded import ports
from cli.embedded.addresses import postgres_url
from cli.embedded.home import Home
from cli.embedded.running import running
from cli.embedded.service import Service


@pytest.fixture
def server(stack_home: Home, redis_url: str, db: None) -> Iterator[str]:
    """Host and port of uvicorn over this test's database."""
    (port,) = ports.free(1)
    database = connection.settings_dict
    url = postgres_url(database["PORT"], database["USER"], database["PASSWORD"], database["NAME"])
    env = {
        **{name: value for name, value in os.environ.items() if name.startswith("PENSTOCK_")},
        "PENSTOCK_DATABASE_URL": url,
        "PENSTOCK_REDIS_URL": redis_url,
        "DJANGO_SETTINGS_MODULE": "controlplane.config.settings.one_machine",
    }
    argv = (sys.executable, "-m", "uvicorn", "controlplane.config.asgi:application", "--port", str(port))
    service = Service(name=f"web-{port}", argv=argv, env=env, ready=lambda _: answers(port), ready_seconds=60.0)
    with running(service, stack_home):
        yield f"127.0.0.1:{port}"


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
