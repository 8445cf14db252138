"""Somebody starts the daemon for the first time and opens the address that it prints."""

from __future__ import annotations

import pytest
from dashboard import VIEWS, measured
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

BYTES_MAX = 120 * 1024


@pytest.fixture
def fresh(daemons):
    return daemons.start()


def test_printed_address_opens_the_dashboard_and_leaves_no_token_behind(fresh, opened):
    page = opened(fresh, at=fresh.facts["dashboard"]).page
    expect(page.locator("h1")).to_have_text("Recommendations")
    expect(page.get_by_text("Nothing to recommend yet")).to_be_visible()
    assert "token" not in page.url
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("document.cookie") == ""


def test_session_outlives_a_reload_and_the_token_serves_once(fresh, opened):
    first = opened(fresh, at=fresh.facts["dashboard"])
    first.settled()
    first.page.reload()
    expect(first.settled().locator("h1")).to_have_text("Recommendations")
    second = opened(fresh, at=fresh.facts["dashboard"], refused=True)
    expect(second.page.locator("h1")).to_have_text("Please identify yourself")


def test_every_view_says_what_to_do_while_there_is_nothing_to_show(fresh, opened):
    board = opened(fresh)
    board.settled()
    for view, said in {
        "recommendations": "Record a few things you like",
        "trust": "You trust nobody yet",
        "peers": "No peers yet",
        "storage": "Other people’s segments",
        "traffic": "No messages yet",
        "health": "Paste an invite under “Pairing”.",
        "pairing": "Start the node with --lan",
        "settings": "Publish my trust in peers",
    }.items():
        expect(board.show(view).get_by_text(said).first).to_be_visible()
        board.shot(f"first-run-{view}")


def test_invite_that_works_on_one_device_alone_says_so(fresh, opened):
    board = opened(fresh)
    board.settled()
    expect(board.show("pairing").get_by_text("from this device alone")).to_be_visible()
    reach = board.show("health").locator(".checks li").filter(has_text="Others can reach you")
    expect(reach).to_have_class("warn")


def test_whole_page_is_small_and_its_first_paint_is_measured(fresh, opened):
    board = opened(fresh)
    board.settled()
    measured("first_paint_cold_ms", first_paint_ms(board))
    for view in VIEWS:
        board.show(view)
    loaded = board.page.evaluate(LOADED)
    files = {url: size for url, size in loaded if "/api/" not in url and "/health/" not in url}
    page_bytes = sum(files.values()) + len(board.page.request.get(board.origin).body())
    assert len(files) > 30
    assert page_bytes <= BYTES_MAX
    measured("page_bytes", page_bytes)
    board.page.reload()
    board.settled()
    measured("first_paint_warm_ms", first_paint_ms(board))


LOADED = """performance.getEntriesByType("resource")
    .map((each) => [each.name, each.encodedBodySize])"""


def first_paint_ms(board) -> float:
    """Return how long after the address was opened something was to be seen."""
    painted = board.page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    assert painted > 0
    return round(painted, 1)


def test_policy_lets_nothing_in_that_the_daemon_did_not_serve(fresh, opened):
    board = opened(fresh)
    board.settled()
    policy = board.page.request.get(board.origin).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "*" not in policy
    # That the policy is in force, and that what watches for its violations sees them.
    ran = board.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            return window.ran ?? false;
        }"""
    )
    assert not ran
    board.holds("window.violations.length === 1")
    assert board.page.evaluate("window.violations.pop()").startswith("script-src")
    board.complaints.clear()
