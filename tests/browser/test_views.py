"""What all views have in common, and what those show that are only read."""

from __future__ import annotations

import re

import pytest
from daemon_process import until
from dashboard import PHONE, VIEWS, WIDE
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

UNEXPLAINED = r"""() => {
    // Texts that are no numbers of the node: names, ids, addresses, advice.
    const others = "h1, h2, h3, .mono, bdi, .hint, .why, .lead, .reasons, .notes, .hidden, " +
        "label, time, option, button";
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const text = walker.currentNode, box = text.parentElement;
        if (!/[0-9]/.test(text.data.replace(/[\d.]+:\d+/, "")) || !box.checkVisibility()) continue;
        const own = box.closest("[title], svg");
        if (!own && !box.closest(others)) found.push(text.data);
    }
    return found;
}"""


@pytest.fixture
def board(lively, opened):
    made = opened(lively)
    made.settled()
    return made


def test_every_number_has_a_title(lively, board):
    found = {}
    for view in VIEWS:
        main = board.show(view)
        if view == "trust":
            board.page.locator('[data-peer="ann"]').click()
        if view == "recommendations":
            main.get_by_text("Why?").first.click()
            main.locator(".why-box .number").first.wait_for()
        found[view] = board.page.evaluate(UNEXPLAINED)
    assert {view: texts for view, texts in found.items() if texts} == {}


def test_a_number_without_a_title_would_be_noticed(board):
    board.show("health")
    board.page.evaluate("document.querySelector('.figure').removeAttribute('title')")
    assert len(board.page.evaluate(UNEXPLAINED)) == 1


def test_explain_shows_the_same_words_on_the_page(board):
    board.page.locator("#explain").click()
    expect(board.page.locator("#explain")).to_have_attribute("aria-pressed", "true")
    for view in ("trust", "peers", "storage", "traffic", "health"):
        expect(board.show(view).locator(".why:visible").first).to_be_visible()
        board.shot(f"explain-{view}")
    board.page.locator("#explain").click()
    expect(board.page.locator(".why:visible")).to_have_count(0)


def test_no_view_is_wider_than_its_window_nor_cuts_words_off(board):
    for view in VIEWS:
        board.show(view)
        for width in (700, 1000, 1280, 1800):
            board.page.set_viewport_size({"width": width, "height": 900})
            assert board.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
            assert board.page.evaluate(CUT_OFF) == [], (view, width)
        board.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


CUT_OFF = """[...document.querySelectorAll("main button, main td, main th, main .card")]
    .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.outerHTML.slice(0, 300))"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_view_is_wider_than_a_phone(lively, opened, dark):
    board = opened(lively, size=PHONE, dark=dark, has_touch=True, is_mobile=True)
    board.settled()
    for view in VIEWS:
        board.show(view)
        if view == "trust":
            board.page.locator('[data-peer="ann"]').tap()
        wide = board.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= PHONE[0] == wide[1], view
        assert board.page.evaluate(TOO_SMALL) == [], view
        board.shot(f"phone-{view}-{'dark' if dark else 'light'}")


TOO_SMALL = """() => [...document.querySelectorAll("button, select, input, nav a")]
    .filter((each) => each.checkVisibility())
    .map((each) => [each, each.getBoundingClientRect()])
    .filter(([, box]) => Math.min(box.width, box.height) < 20 && box.width > 1)
    .map(([each]) => each.outerHTML)"""


def test_menu_of_a_phone_opens_and_closes_by_keyboard(lively, opened):
    board = opened(lively, size=PHONE)
    board.settled()
    menu = board.page.locator("#menu")
    expect(board.page.locator("nav")).to_be_hidden()
    menu.press("Enter")
    expect(board.page.locator("nav")).to_be_visible()
    board.shot("phone-menu")
    board.page.keyboard.press("Escape")
    expect(board.page.locator("nav")).to_be_hidden()
    expect(menu).to_be_focused()
    menu.click()
    board.page.locator("nav [aria-current=page]").click()
    expect(board.page.locator("nav")).to_be_hidden()


def test_dark_follows_the_system_until_somebody_chooses(lively, opened):
    board = opened(lively, dark=True)
    board.settled()
    brightness = r"Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)[0])"
    assert board.page.evaluate(brightness) < 60
    for view in VIEWS:
        board.show(view)
        board.shot(f"dark-{view}")
    board.page.locator("#theme").select_option("light")
    assert board.page.evaluate(brightness) > 200
    board.page.reload()
    board.settled()
    assert board.page.evaluate(brightness) > 200
    board.page.locator("#theme").select_option("auto")
    assert board.page.evaluate(brightness) < 60
    board.page.emulate_media(color_scheme="light")
    assert board.page.evaluate(brightness) > 200


def test_whole_dashboard_is_walked_by_keyboard(board):
    board.page.keyboard.press("Tab")
    expect(board.page.locator("#skip")).to_be_focused()
    board.page.keyboard.press("Enter")
    expect(board.page.locator("main")).to_be_focused()
    for view in (*VIEWS[1:], VIEWS[0]):
        link = board.page.locator(f'nav a[href="#/{view}"]')
        link.press("Enter")
        expect(board.page.locator("main h1")).to_have_text(link.inner_text())
        board.settled()
        expect(board.page.locator("main")).to_be_focused()
        expect(board.page.locator("nav [aria-current=page]")).to_have_attribute("href", f"#/{view}")
        assert tabbed(board) == []


def tabbed(board) -> list[str]:
    """Return controls of a view that Tab does not reach, or whose focus cannot be seen."""
    board.page.evaluate(CONTROLS)
    unseen = []
    for _ in range(TABS_MAX):
        board.page.keyboard.press("Tab")
        inside, seen, text, left = board.page.evaluate(FOCUSED)
        if inside and not seen:
            unseen.append(text)
        if not inside and not left:
            break
    return [*unseen, *board.page.evaluate("[...window.missed].map((each) => each.outerHTML)")]


TABS_MAX = 400

CONTROLS = """() => {
    const all = "main :is(button, input, select, a, summary, [tabindex='0'])";
    window.missed = new Set([...document.querySelectorAll(all)]
        .filter((each) => each.checkVisibility() && !each.disabled));
}"""

FOCUSED = """() => {
    const here = document.activeElement;
    window.missed.delete(here);
    // Marks on the map show it by their halo.
    const halo = here.querySelector?.(".halo");
    const seen = getComputedStyle(here).outlineStyle !== "none"
        || halo && getComputedStyle(halo).strokeWidth === "6px";
    return [here.closest("main") !== null, seen, here.outerHTML, window.missed.size];
}"""


def test_links_show_how_well_they_go(lively, board):
    until(lambda: lively.asked("GET", "/api/v1/peers")[1]["links"][0]["last_sync"])
    links = board.show("peers").get_by_role("region", name="Links")
    row = links.get_by_role("row").nth(1)
    for column in ("Latency", "In / out", "Score", "Merit", "Up", "Last sync"):
        cell = row.locator(f'[data-label="{column}"]')
        assert cell.inner_text().strip(), column
        assert cell.get_attribute("title"), column
    expect(row.locator('[data-label="Last sync"]')).to_contain_text(re.compile("in step|missing"))
    expect(row.locator('[data-label="Score"]')).not_to_have_text("0")
    board.shot("peers-light")


def test_storage_shows_the_budget_and_whose_logs_fill_it(lively, board):
    main = board.show("storage")
    expect(main.locator(".meter .number")).to_contain_text("of 64.0 MiB")
    rows = main.get_by_role("region", name="Logs").get_by_role("rowheader")
    expect(rows).to_have_count(2)
    expect(main.get_by_text("yours")).to_have_count(1)
    expect(main.get_by_text("followed", exact=True)).to_have_count(1)
    board.shot("storage-light")


def test_traffic_moves_while_it_is_watched(lively, board):
    main = board.show("traffic")
    table = main.get_by_role("region", name="By type of message")
    expect(table.get_by_role("rowheader").first).to_be_visible()
    line = main.locator("svg .line").first
    before = line.get_attribute("points")
    lively.play("track:rolling-on")
    expect(line).not_to_have_attribute("points", before)
    expect(main.get_by_role("region", name="Out").locator(".value").first).not_to_have_text("0 B/s")
    board.shot("traffic-light")


def test_health_says_what_is_well_and_what_would_help(board):
    main = board.show("health")
    checks = main.locator(".checks li")
    expect(checks).to_have_count(8)
    expect(checks.filter(has_text="The daemon is ready")).to_have_class("good")
    expect(checks.filter(has_text="Linked to the network")).to_have_class("warn")
    expect(checks.filter(has_text="Invented identities")).to_contain_text("25 of")
    board.shot("health-light")


def test_settings_are_kept_and_what_is_out_of_range_is_refused(lively, opened):
    board = opened(lively, refused=True)
    board.settled()
    form = board.show("settings")
    expect(form.get_by_label("Delay before publishing")).to_be_disabled()
    expect(form.get_by_text("Set by")).to_be_visible()
    budget = form.get_by_label("Budget for other people’s logs")
    budget.fill("32")
    form.get_by_label("What my music players send is public").check()
    form.get_by_role("button", name="Save").click()
    expect(board.page.locator(".toast")).to_contain_text(re.compile("kept", re.IGNORECASE))
    kept = lively.asked("GET", "/api/v1/settings")[1]
    assert kept["follow_bytes_max"] == 32 << 20
    assert kept["listens_public"]
    board.page.reload()
    board.settled()
    expect(budget).to_have_value("32")
    budget.fill("0")
    form.get_by_role("button", name="Save").click()
    assert budget.evaluate("input => input.validity.rangeUnderflow")
    expect(budget).to_be_focused()
    budget.fill("48")
    problem = '{"title": "Full", "status": 507, "detail": "The disk is full: free some space"}'
    board.page.route("**/api/v1/settings", lambda route: route.fulfill(status=507, body=problem))
    form.get_by_role("button", name="Save").click()
    expect(form.locator(".complaint").filter(has_text="free some space")).to_be_visible()
    board.shot("settings-refused")
    assert lively.asked("GET", "/api/v1/settings")[1]["follow_bytes_max"] == 32 << 20
    lively.asked("PATCH", "/api/v1/settings", {"follow_bytes_max": 64 << 20})
