"""A real Chromium, and a way into the console of a stack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect, sync_playwright

Scheme = Literal["light", "dark"]
# As root in a container, and without looking for the vendor's hosts at every start.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
LIVE_MS = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's own; Playwright's download is for machines that reach its host."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield browser
        browser.close()


class Console:
    """The console of one stack."""

    def __init__(self, browser: Browser, url: str, password: str) -> None:
        self._browser, self.url, self._password = browser, url, password

    def page(self, *, width: int = 1440, height: int = 900, scheme: Scheme = "light") -> Page:
        """A browser that nobody has signed in with yet; whoever opens it closes its context."""
        context = self._browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(LIVE_MS)
        return page

    def sign_in(self, page: Page, path: str = "/") -> None:
        """Through the form, up to the first live figures."""
        page.goto(self.url + path)
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password", exact=True).fill(self._password)
        page.get_by_role("button", name="Sign in").click()
        self.until_live(page)

    def until_live(self, page: Page) -> None:
        expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live", timeout=LIVE_MS)


class Line:
    """The way of a page's live socket, which a test can cut: what is sent meanwhile is lost, and nobody is told."""

    def __init__(self, page: Page) -> None:
        self.is_cut = False
        self.lost: list[int] = []  # numbers of the messages that did not get through
        page.route_web_socket("**/ws/v1/live", self._route)

    def _route(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            socket.close()
            return
        server = socket.connect_to_server()
        socket.on_message(lambda text: None if self.is_cut else server.send(text))
        server.on_message(lambda text: self._deliver(socket, str(text)))

    def _deliver(self, socket: WebSocketRoute, text: str) -> None:
        if self.is_cut:
            self.lost.append(json.loads(text).get("seq", 0))
        else:
            socket.send(text)


def stand_still(page: Page, change: dict[str, Any]) -> None:
    """Have the page shown the server's figures with `change` in them, and none after them."""

    def answer(route: Route) -> None:
        told = route.fetch().json()
        route.fulfill(json=told | {"data": told["data"] | change})

    page.route("**/overview", answer)
    page.route_web_socket("**/ws/v1/live", lambda socket: socket.on_message(lambda _: None))


def number_shown(page: Page) -> int:
    """Number of the state that the page shows."""
    return int(page.locator("[data-seq]").get_attribute("data-seq") or 0)


def received(page: Page) -> int:
    """Records that the topic has had, as the page has it."""
    return int(page.get_by_test_id("received").get_attribute("data-value") or 0)


def until_received_passes(page: Page, count: int, milliseconds: float) -> None:
    page.wait_for_function(
        "count => Number(document.querySelector('[data-testid=received]')?.dataset.value) > count",
        arg=count,
        timeout=milliseconds,
    )


def serious_violations(page: Page) -> list[str]:
    """What axe finds and calls serious or worse, with where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    # What fades in has less contrast for a moment; animations without an end are none of it.
    page.evaluate(
        "Promise.allSettled(document.getAnimations()"
        ".filter(it => Number.isFinite(it.effect?.getComputedTiming().endTime)).map(it => it.finished))"
    )
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{item['id']}: {item['help']}: {[node['target'] for node in item['nodes']]}"
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
    ]
