"""The daemon stops, comes back, does not know the browser, or the address leads nowhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_stopped_daemon_is_told_and_the_page_comes_back_with_it(daemons, opened):
    first = daemons.start()
    board = opened(first, refused=True)
    board.settled()
    board.show("peers")
    assert first.stop() == 0
    pulse = board.page.locator("#pulse-text")
    expect(pulse).to_have_text("The daemon does not answer")
    board.shot("error-daemon-gone")
    record = board.page.locator('nav a[href="#/recommendations"]')
    record.click()
    expect(board.page.get_by_role("alert").first).to_contain_text("peerrec run")
    board.shot("error-view-while-gone")

    second = daemons.start("me.db", "--http", first.netloc)
    expect(board.page.locator("h1")).to_have_text("Please identify yourself")
    board.shot("error-identify")
    field = board.page.get_by_label("Token")
    field.fill(second.said("token", "dashboard")["dashboard"])
    field.press("Enter")
    expect(board.page.locator("h1")).to_have_text("Recommendations")
    expect(pulse).to_have_text("Running, no links")


def test_wrong_token_is_refused_beside_the_field(daemons, opened):
    daemon = daemons.start()
    board = opened(daemon, at=f"http://{daemon.netloc}/#token=guess", refused=True)
    expect(board.page.locator("h1")).to_have_text("Please identify yourself")
    field = board.page.get_by_label("Token")
    field.fill("another-guess")
    board.page.get_by_role("button", name="Open the dashboard").click()
    expect(board.page.locator(".complaint")).to_contain_text("used already or is too old")
    expect(field).to_be_focused()
    board.shot("error-bad-token")
    assert not board.page.context.cookies()
    board.page.locator('nav a[href="#/settings"]').click()
    expect(board.page.locator("h1")).to_have_text("Please identify yourself")
    expect(board.page.get_by_label("Token")).to_have_value("")


def test_unknown_view_leads_to_the_first(daemons, opened):
    daemon = daemons.start()
    board = opened(daemon)
    board.settled()
    board.page.goto(f"http://{daemon.netloc}/#/nowhere")
    expect(board.page.locator("h1")).to_have_text("Recommendations")


def test_names_from_elsewhere_never_become_markup(daemons, opened):
    daemon = daemons.start()
    board = opened(daemon)
    board.settled()
    evil = '<img src=x onerror="window.pwned=1"><b>bold</b>'
    daemon.said("trust", evil)
    daemon.said("record", "a")
    daemon.said("describe", "b", "--title", evil)
    daemon.asked("PUT", f"/api/v1/peers/{daemon.peer}/label", {"label": evil})
    board.show("trust").locator(".ringmap").wait_for()
    board.page.locator(".node").nth(1).click()
    expect(board.page.get_by_role("region", name="Details of a peer")).to_contain_text(
        "<b>bold</b>"
    )
    assert board.page.locator("main img, main b").count() == 0
    assert board.page.evaluate("window.pwned ?? 0") == 0


def test_answer_that_never_comes_leaves_the_page_usable(daemons, opened):
    daemon = daemons.start()
    board = opened(daemon)
    board.settled()
    board.page.route("**/api/v1/trust", lambda route: None)  # neither answered nor refused
    board.page.locator('nav a[href="#/trust"]').click()
    expect(board.page.locator("main .loading")).to_be_visible()
    board.shot("state-loading")
    expect(board.show("settings").get_by_label("Explore")).to_be_visible()
    board.page.unroute_all(behavior="ignoreErrors")


def test_answer_that_is_no_answer_can_be_asked_for_again(daemons, opened):
    daemon = daemons.start()
    board = opened(daemon, refused=True)
    board.settled()
    board.page.route("**/api/v1/logs", lambda route: route.fulfill(status=502, body="<html>"))
    main = board.show("storage")
    expect(main.get_by_role("alert")).to_contain_text("502")
    board.shot("error-view")
    board.page.unroute("**/api/v1/logs")
    main.get_by_role("button", name="Try again").click()
    expect(main.get_by_role("region", name="Logs")).to_be_visible()
    expect(main.get_by_role("alert")).to_have_count(0)
