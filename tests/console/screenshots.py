"""Takes the pictures of docs/images from a running stack: python -m tests.console.screenshots [--home FOLDER].

Of a stack that has run for some minutes with nothing wrong: it is waited for until that is what the page says.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import expect

from cli import login
from cli.embedded.home import Home
from tests.console.browsing import Console, Scheme, chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (1440, 360)
SETTLED_MS = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="folder of the stack's state")
    home = Home.locate(parser.parse_args().home)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        console = Console(browser, login.of_stack(home).url, home.generated_secrets()["admin_password"])
        for scheme in SCHEMES:
            for width in WIDTHS:
                page = console.page(width=width, scheme=scheme)
                console.sign_in(page)
                expect(page.locator(".uplot").first).to_be_visible()
                expect(page.get_by_test_id("attention")).to_contain_text("Nothing:", timeout=SETTLED_MS)
                expect(page.get_by_test_id("accounts")).to_have_attribute("data-health", "ok")
                page.wait_for_load_state("networkidle")
                # As high as the page, so that the navigation ends where the page does.
                page.set_viewport_size({"width": width, "height": page.evaluate("document.body.scrollHeight")})
                page.screenshot(path=IMAGES / f"overview-{width}-{scheme}.png")
                page.context.close()


if __name__ == "__main__":
    main()
