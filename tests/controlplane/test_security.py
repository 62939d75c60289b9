from __future__ import annotations

import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from django.test import Client

from controlplane.core.roles import Role
from tests.controlplane.api.conftest import person


class Sources(HTMLParser):
    """Where a page's scripts, styles and pictures come from, and whether a script stands in the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.places: list[str] = []
        self.inline: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        place = found.get("src") or (found.get("href") if tag == "link" else None)
        if place:
            self.places.append(place)
        elif tag == "script" and found.get("type") not in ("application/json", "text/template"):
            self.inline.append(found)


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/session", "/nothing", "/static/nothing.js"])
@pytest.mark.integration
@pytest.mark.django_db
def test_every_answer_lets_a_page_load_from_here_alone(path: str) -> None:
    answer = Client().get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.integration
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/add/", "/admin/login/", "/api/v1/docs"])
def test_a_page_of_a_library_keeps_to_its_policy_and_its_files_are_here(path: str) -> None:
    client = Client()
    if "login" not in path:
        client.force_login(person(Role.ADMINISTRATOR))
    answer = client.get(path)
    assert answer.status_code == 200
    sources = Sources(answer.content.decode())
    assert sources.places
    assert sources.inline == []
    for place in sources.places:
        if place.startswith("data:"):
            continue
        assert place.startswith("/"), place
        assert client.get(place).status_code == 200, place


def test_a_deployment_is_checked_clean() -> None:
    values = {
        "DATABASE_URL": "postgresql://u:p@127.0.0.1/penstock", "REDIS_URL": "redis://127.0.0.1",
        "ALLOWED_HOSTS": "penstock.example", "BOOTSTRAP_SERVERS": "k:9092", "LAKE": "l", "CHECKPOINTS": "c",
        "WAREHOUSE_URL": "postgresql://u:p@127.0.0.1/warehouse", "JARS": "j", "LOGS": "l", "WORKSPACES": "w",
    }  # fmt: skip
    values["SECRET_KEY"] = "".join(chr(33 + number % 90) for number in range(60))
    environment = os.environ | {f"PENSTOCK_{name}": value for name, value in values.items()}
    environment["DJANGO_SETTINGS_MODULE"] = "controlplane.config.settings.production"
    told = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert "no issues" in told.stdout + told.stderr
