"""The console in a real browser, before a real stack."""

from __future__ import annotations

import os
import signal
import time

import httpx
import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.cli.standins import until
from tests.console.browsing import Console, Scheme, received, serious_violations, until_received_passes
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
PHONE = 360
USABLE_SECONDS = 1.5
SLOW_MACHINE = 3  # a time fails only at three times its goal


def observed(page: Page, state: str, seconds: float) -> None:
    expect(page.get_by_test_id("streaming-job")).to_have_attribute("data-observed", state, timeout=seconds * 1000)


def ready(console: Console) -> bool:
    try:
        return httpx.get(f"{console.url}/readyz").is_success
    except httpx.TransportError:
        return False


def test_after_signing_in_the_figures_move(console: Console, page: Page) -> None:
    before = received(page)
    assert before > 0
    until_received_passes(page, before, 10_000)
    expect(page.get_by_role("heading", name="plant")).to_be_visible()
    expect(page.get_by_text("Kafka", exact=True)).to_be_visible()


def test_a_wrong_password_is_refused_with_the_request_s_id(console: Console) -> None:
    page = console.page()
    page.goto(console.url)
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Request")
    page.context.close()


def test_opening_takes_ten_requests_and_is_usable_at_once(console: Console, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    began = time.monotonic()
    page.reload()
    page.get_by_test_id("received").wait_for()
    usable = time.monotonic() - began
    console.until_live(page)
    expect(page.locator(".uplot").first).to_be_visible()
    assert len(asked) <= 10, asked
    assert all(url.split("/")[2] == console.url.split("/")[2] for url in asked)
    assert usable < USABLE_SECONDS * SLOW_MACHINE


def test_the_pipeline_is_stopped_and_started_with_a_reason(page: Page) -> None:
    observed(page, "running", 60)
    control = page.get_by_test_id("streaming-job")
    for action, confirm, state, seconds in (
        ("Stop…", "Stop pipeline", "stopped", 60),
        ("Start…", "Start pipeline", "running", 120),
    ):
        control.get_by_role("button", name=action).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name=confirm)).to_be_disabled()
        dialog.get_by_label("Reason").fill("to see that it can be done")
        dialog.get_by_role("button", name=confirm).click()
        expect(dialog).to_be_hidden()
        observed(page, state, seconds)
    page.get_by_role("button", name="History of the pipeline").click()
    expect(page.get_by_role("dialog").get_by_text("launching").first).to_be_visible()


def test_the_simulator_is_paused_and_resumed(page: Page) -> None:
    simulator = page.get_by_test_id("simulator")
    expect(simulator).to_have_attribute("data-observed", "running")
    for action, confirm, state in (
        ("Pause…", "Pause simulator", "paused"),
        ("Resume…", "Resume simulator", "running"),
    ):
        simulator.get_by_role("button", name=action).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("to see that it can be done")
        dialog.get_by_role("button", name=confirm).click()
        expect(simulator).to_have_attribute("data-observed", state)


def test_a_killed_driver_is_told_of_within_15_seconds_and_comes_back(stack: Stack, page: Page) -> None:
    observed(page, "running", 120)
    (driver,) = stack.drivers()
    os.kill(driver, signal.SIGKILL)
    control = page.get_by_test_id("streaming-job")
    expect(control).not_to_have_attribute("data-observed", "running", timeout=15_000)
    expect(page.get_by_test_id("attention")).not_to_contain_text("Nothing:")
    observed(page, "running", 120)


def test_a_cut_socket_is_told_of_and_healed_within_5_seconds(console: Console) -> None:
    page = console.page()
    sockets: list[WebSocketRoute] = []
    is_cut = False

    def route(socket: WebSocketRoute) -> None:
        if is_cut:
            socket.close()
            return
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/ws/v1/live", route)
    console.sign_in(page)
    is_cut = True
    for socket in sockets:
        socket.close()
    expect(page.get_by_test_id("not-live")).to_be_visible()
    expect(page.get_by_test_id("live")).to_contain_text("Not live")
    expect(page.get_by_test_id("accounts")).to_have_attribute("data-health", "stale")
    stood_at = received(page)
    is_cut = False
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live", timeout=5_000)
    until_received_passes(page, stood_at, 5_000)
    expect(page.get_by_test_id("not-live")).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize("service", ["web", "redis"])
def test_a_service_that_died_under_the_page_costs_it_5_seconds(
    stack: Stack, console: Console, page: Page, service: str
) -> None:
    killed = stack.kill(service)
    if service == "web":
        expect(page.get_by_test_id("not-live")).to_be_visible()
    stack.until_back(service, killed)
    until(lambda: ready(console), 30)
    stood_at = received(page)
    until_received_passes(page, stood_at, 5_000)
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live")
    expect(page.get_by_test_id("not-live")).to_be_hidden()


def test_a_redis_that_hangs_is_told_of_and_healed_within_5_seconds(stack: Stack, page: Page) -> None:
    redis = int(stack.status()["processes"]["redis"]["pid"])
    os.kill(redis, signal.SIGSTOP)
    try:
        expect(page.get_by_test_id("not-live")).to_be_visible(timeout=15_000)
        stood_at = received(page)
    finally:
        os.kill(redis, signal.SIGCONT)
    until_received_passes(page, stood_at, 5_000)
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live")


def test_a_session_that_ended_leads_to_the_login_and_back(console: Console, page: Page) -> None:
    page.context.clear_cookies()
    page.get_by_role("button", name="Time range").click()
    page.get_by_role("menuitem", name="Last hour").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    console.sign_in(page, page.url.removeprefix(console.url))
    assert "range=1h" in page.url


def test_keys_pause_the_page_and_find_what_there_is(page: Page) -> None:
    page.keyboard.press(".")
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "paused")
    page.keyboard.press(".")
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.get_by_placeholder("Find a page or an action").fill("last hour")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Time range: Last hour")).to_be_visible()
    assert "range=1h" in page.url


def test_every_chart_has_its_table(page: Page) -> None:
    page.get_by_role("button", name="Lag per partition: show as table").click()
    table = page.get_by_role("region", name="Lag per partition, table")
    expect(table.get_by_role("columnheader", name="Time")).to_be_visible()
    expect(table.get_by_role("row").nth(1)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(console: Console, scheme: Scheme) -> None:
    page = console.page(scheme=scheme)
    page.goto(console.url)
    page.get_by_role("heading", name="Sign in").wait_for()
    assert serious_violations(page) == []
    console.sign_in(page)
    expect(page.locator(".uplot").first).to_be_visible()
    assert serious_violations(page) == []
    page.goto(f"{console.url}/?view=list")
    console.until_live(page)
    page.get_by_role("button", name="Throughput: show as table").click()
    page.get_by_test_id("streaming-job").get_by_role("button", name="Stop…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert serious_violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Palette")).to_be_visible()
    assert serious_violations(page) == []
    page.context.close()


def test_a_phone_needs_no_horizontal_scrolling(console: Console) -> None:
    page = console.page(width=PHONE, height=740)
    page.goto(console.url)
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    console.sign_in(page)
    expect(page.get_by_test_id("streaming-job")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    page.get_by_role("button", name="Open navigation").click()
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    page.context.close()
