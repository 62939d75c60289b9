"""One browser and one running stack for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.console.browsing import Console, chromium
from tests.stack import Stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def console(stack: Stack, browser: Browser) -> Console:
    stack.up()
    return Console(browser, stack.status()["console_url"], stack.home.generated_secrets()["admin_password"])


@pytest.fixture
def page(console: Console) -> Iterator[Page]:
    """Signed in, and live."""
    made = console.page()
    console.sign_in(made)
    yield made
    made.context.close()
