"""The console in a real browser, before a real stack."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.cli.standins import until
from tests.console.browsing import (
    Console,
    Line,
    Scheme,
    number_shown,
    received,
    serious_violations,
    stand_still,
    until_received_passes,
)
from tests.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
PHONE = 360
ZOOMED = 720  # 1440 px at 200 %
MENU = "More to do with the pipeline"
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
        ("Drain…", "Drain pipeline", "stopped", 60),
        ("Start…", "Start pipeline", "running", 120),
    ):
        control.get_by_role("button", name=action).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name=confirm)).to_be_disabled(timeout=15_000)
        dialog.get_by_label("Reason").fill("to see that it can be done")
        dialog.get_by_role("button", name=confirm).click()
        expect(dialog).to_be_hidden()
        if state == "stopped":
            expect(control).to_contain_text(re.compile("asked to drain|draining"))
        observed(page, state, seconds)
    page.get_by_role("button", name="History of the pipeline").click()
    expect(page.get_by_role("dialog").get_by_text("launching").first).to_be_visible()


def test_a_roll_back_shows_what_it_would_change_and_what_the_checkpoint_says_before_it_asks(
    console: Console, page: Page
) -> None:
    observed(page, "running", 60)
    token = next(item["value"] for item in page.context.cookies() if item["name"] == "csrftoken")
    made = page.request.post(
        f"{console.url}/api/v1/pipelines/plant/versions",
        data={"configuration": {"trigger_seconds": 3.5}, "reason": "to have another one"},
        headers={"X-CSRFToken": token, "Referer": console.url},
    )
    assert made.ok, made.text()
    page.get_by_role("button", name=MENU).click()
    page.get_by_role("menuitem", name="Roll back…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name=f"Version {made.json()['number']}").check()
    expect(dialog).to_contain_text(re.compile(r"trigger_seconds \S+ → 3.5"))
    expect(dialog.get_by_test_id("preflight")).to_have_attribute("data-verdict", "safe_restart", timeout=15_000)
    expect(dialog.get_by_role("button", name="Roll back to version")).to_be_disabled()
    assert serious_violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_menus_and_dialogs_are_worked_by_keys_alone(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    observed(page, "running", 60)
    page.get_by_role("button", name=MENU).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu").locator(":focus")).to_have_count(1)
    for item in ("Restart…", "Stop now…"):
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("menuitem", name=item)).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name=MENU)).to_be_focused()


def test_the_simulator_is_paused_and_resumed_and_what_came_to_rest_is_what_status_says(
    stack: Stack, page: Page
) -> None:
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
        if state == "paused":
            until(lambda: counted_on(page) == counted_by(stack), 60)


def counted_on(page: Page) -> dict[str, list[int]]:
    """Both sides of each account, and the dead letters of each reason, as the page has them."""
    rows = page.locator("[data-testid=equations] tr[data-name], [data-testid=reasons] tr[data-reason]")
    data: list[dict[str, str]] = rows.evaluate_all("rows => rows.map(row => ({...row.dataset}))")
    return {
        item["name"] if "name" in item else item["reason"]: [
            int(item[side]) for side in ("left", "right", "total") if side in item
        ]
        for item in data
    }


def counted_by(stack: Stack) -> dict[str, list[int]]:
    figures: dict[str, Any] = stack.status()["figures"]
    equations = {item["name"]: [item["left"], item["right"]] for item in figures["accounts"]["equations"]}
    return equations | {reason: [total] for reason, total in figures["dead_letters"]["by_reason"].items()}


def test_a_killed_driver_is_told_of_within_15_seconds_and_comes_back(stack: Stack, page: Page) -> None:
    observed(page, "running", 120)
    (driver,) = stack.drivers()
    os.kill(driver, signal.SIGKILL)
    control = page.get_by_test_id("streaming-job")
    expect(control).not_to_have_attribute("data-observed", "running", timeout=15_000)
    readings = page.get_by_test_id("readings")
    expect(readings.locator("[data-unknown]")).to_have_text(re.compile("^–"))
    expect(page.get_by_test_id("attention")).not_to_contain_text("Nothing:")
    expect(page.locator("[data-health=ok]", has_text="Bronze")).to_have_count(0)
    observed(page, "running", 120)


def test_messages_that_were_lost_are_noticed_by_their_numbers_and_healed_by_a_snapshot(console: Console) -> None:
    page = console.page()
    line = Line(page)
    console.sign_in(page)
    line.is_cut = True
    until(lambda: page.title() != "" and len(line.lost) >= 2, 10)
    with page.expect_request("**/overview", timeout=5_000):
        line.is_cut = False
    until(lambda: page.title() != "" and number_shown(page) > max(line.lost), 5)
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live")
    page.context.close()


def test_a_cut_of_a_minute_is_told_of_and_healed_within_5_seconds(console: Console) -> None:
    page = console.page()
    page.clock.install()
    line = Line(page)
    console.sign_in(page)
    line.is_cut = True
    page.clock.fast_forward(60_000)
    expect(page.get_by_test_id("not-live")).to_contain_text("as of")
    expect(page.get_by_test_id("live")).to_contain_text("Not live")
    expect(page).to_have_title(re.compile("^Not live"))
    for figure in ("readings", "accounts"):
        expect(page.get_by_test_id(figure)).to_have_attribute("data-health", "stale")
        expect(page.get_by_test_id(figure)).to_contain_text(re.compile(r"as of \d\d:\d\d:\d\d UTC"))
    expect(page.get_by_test_id("attention")).to_contain_text("What is wrong now is not known")
    stood_at = received(page)
    # By then the page has asked whether anybody is there, and given the connection up.
    expect(page.get_by_test_id("not-live")).to_contain_text("the connection is lost", timeout=15_000)
    line.is_cut = False
    expect(page.get_by_test_id("live")).to_have_attribute("data-state", "live", timeout=5_000)
    until_received_passes(page, stood_at, 5_000)
    expect(page.get_by_test_id("not-live")).to_be_hidden()
    expect(page).to_have_title(re.compile("^Overview"))
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


def test_an_address_that_leads_nowhere_is_named_after_the_login_and_leads_back(console: Console) -> None:
    page = console.page()
    console.sign_in(page, "/pipelines/17?range=1h")
    expect(page.get_by_text("/pipelines/17")).to_be_visible()
    expect(page).to_have_title(re.compile("No such page"))
    assert serious_violations(page) == []
    page.get_by_role("link", name="Back to Overview").click()
    page.get_by_test_id("received").wait_for()
    assert page.url == f"{console.url}/?range=1h"
    page.context.close()


def test_every_time_is_of_the_chosen_zone(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/?tz=Asia/Kolkata")
    console.until_live(page)
    chart = page.locator(".uplot").first
    legend = page.get_by_test_id("legend").first
    expect(legend).to_contain_text("newest")
    expect(legend).to_contain_text("GMT+5:30")
    chart.hover()
    expect(legend).not_to_contain_text("newest")
    expect(legend).to_contain_text("GMT+5:30")
    titles: list[str] = page.locator("time").evaluate_all("times => times.map(({ title }) => title)")
    assert titles
    assert all(title.endswith("GMT+5:30") for title in titles), titles


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
    page.get_by_test_id("streaming-job").get_by_role("button", name="Drain…").click()
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


@pytest.mark.parametrize("width", [PHONE, ZOOMED])
def test_long_names_and_huge_numbers_are_held_by_a_phone_and_at_200_percent(console: Console, width: int) -> None:
    page = console.page(width=width, height=740, scheme="dark")
    huge = 2**53 - 1
    equation = {"left": huge, "right": 1, "pending": huge - 1}
    stand_still(
        page,
        {
            "reason": ("the driver ended: " + "x" * 300 + " ") * 2,
            "received": huge,
            "lag": {"total": huge, "partitions": {str(partition): huge for partition in range(12)}},
            "dead_letters": {"total": huge, "by_reason": {"y" * 120: huge - 1, "empty": 1}},
            "attention": [
                {"code": "new", "severity": "grave", "title": "z" * 200, "detail": "w" * 500, "since": 1.0},
            ],
            "accounts": {
                **accounts_after_signing_in(console, page),
                "balanced": False,
                "equations": [
                    {"name": "Silver = Gold", "holds": False, **equation},
                    {"name": "Gold = warehouse", "holds": True, **equation},
                ],
            },
        },
    )
    page.goto(console.url)
    page.get_by_test_id("received").wait_for()
    expect(page.locator(".uplot").first).to_be_visible()
    expect(page.get_by_test_id("attention")).to_contain_text("grave, since")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert serious_violations(page) == []
    page.get_by_role("button", name=MENU).click()
    page.get_by_role("menuitem", name="Roll back…").click()
    expect(page.get_by_role("dialog").get_by_role("radio").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.context.close()


def accounts_after_signing_in(console: Console, page: Page) -> dict[str, Any]:
    """The accounts as the API has them, after signing in."""
    console.sign_in(page)
    accounts: dict[str, Any] = page.request.get(f"{console.url}/api/v1/pipelines/plant/ledger").json()
    return accounts
