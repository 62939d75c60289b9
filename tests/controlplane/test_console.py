"""How the console's files reach a browser."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

SCRIPT = "/assets/index-AbC1_-x9.js"


@pytest.fixture
def built(tmp_path: Path, settings: Any) -> Client:
    """A client of a control plane with a console of two files."""
    (tmp_path / "index.html").write_text("<title>Penstock</title>")
    (tmp_path / "assets").mkdir()
    script = tmp_path / SCRIPT.lstrip("/")
    script.write_text("console".ljust(1000))
    script.with_name(f"{script.name}.gz").write_bytes(gzip.compress(script.read_bytes()))
    settings.CONSOLE = settings.WHITENOISE_ROOT = tmp_path
    return Client()


@pytest.mark.parametrize("path", ["/", "/login", "/runs/12?range=1h"])
def test_every_address_of_the_console_gets_the_page_that_is_never_kept(built: Client, path: str) -> None:
    answer = built.get(path)
    assert answer.status_code == 200
    assert b"<title>Penstock" in answer.content
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Cache-Control"] == "no-cache"


def test_a_hashed_file_comes_compressed_and_is_kept_for_ever(built: Client) -> None:
    answer = built.get(SCRIPT, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert "immutable" in answer["Cache-Control"]
    assert gzip.decompress(answer.content).startswith(b"console")


@pytest.mark.parametrize(
    "path", ["/assets/gone-12345678.js", "/api/v1/nothing", "/ws/v1/nothing", "/static/nothing.css"]
)
def test_what_is_not_the_console_s_is_not_found(built: Client, path: str) -> None:
    assert built.get(path).status_code == 404


def test_the_admin_without_its_slash_is_not_taken_for_a_page_of_the_console(built: Client) -> None:
    answer = built.get("/admin")
    assert (answer.status_code, answer["Location"]) == (301, "/admin/")


def test_the_page_is_only_read(built: Client) -> None:
    assert built.post("/login").status_code == 405


def test_a_console_that_was_not_built_says_how_to_build_it(tmp_path: Path, settings: Any) -> None:
    settings.CONSOLE = tmp_path
    answer = Client().get("/")
    assert answer.status_code == 503
    assert b"make setup" in answer.content
