"""axe-core finds nothing serious, on any view, in light and dark."""

from __future__ import annotations

import pytest
from dashboard import PHONE, VIEWS, axe_script
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])

RUN = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map(({ id, impact, nodes }) =>
        [impact, id, nodes.slice(0, 3).map((each) => each.html)]);
}"""

GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def axe(pytestconfig) -> str:
    folder = pytestconfig.cache.mkdir("axe-core")
    return axe_script(folder)


def findings(board, axe: str) -> list[object]:
    """Return what axe holds against the page as it is."""
    # Evaluated by the debugger: the page's policy, rightly, lets no such script in.
    if not board.page.evaluate("'axe' in window"):
        board.page.evaluate(axe)
    return list(board.page.evaluate(RUN))


def grave(board, axe: str) -> list[object]:
    return [each for each in findings(board, axe) if each[0] in GRAVE]


@THEMES
def test_no_view_has_serious_findings(lively, opened, axe, dark):
    board = opened(lively, dark=dark)
    board.settled()
    found = {}
    for view in VIEWS:
        board.show(view)
        if view == "trust":
            board.page.locator('[data-peer="sybil-01"]').click()
        if view == "recommendations":
            board.page.get_by_text("Why?").first.click()
            board.page.locator(".why-box .number").first.wait_for()
        found[view] = grave(board, axe)
    assert {view: each for view, each in found.items() if each} == {}


@THEMES
def test_no_view_has_serious_findings_on_a_phone_with_explanations(lively, opened, axe, dark):
    board = opened(lively, dark=dark, size=PHONE)
    board.settled()
    board.page.locator("#explain").click()
    found = {}
    for view in VIEWS:
        board.show(view)
        found[view] = grave(board, axe)
    assert {view: each for view, each in found.items() if each} == {}


@THEMES
def test_what_appears_now_and_then_has_none_either(daemons, opened, axe, dark):
    daemon = daemons.start()
    board = opened(daemon, dark=dark, at=f"http://{daemon.netloc}/", refused=True)
    expect(board.page.locator("h1")).to_have_text("Please identify yourself")
    board.page.get_by_label("Token").fill("guess")
    board.page.keyboard.press("Enter")
    expect(board.page.locator(".complaint")).not_to_be_empty()
    assert grave(board, axe) == []
    board.page.get_by_label("Token").fill(daemon.said("token", "dashboard")["dashboard"])
    board.page.keyboard.press("Enter")
    board.settled()
    daemon.said("trust", "ann")
    for view in VIEWS:
        board.show(view)
        assert grave(board, axe) == [], view
    board.show("trust").locator('[data-peer="ann"]').click()
    board.page.get_by_role("button", name="Block").click()
    assert grave(board, axe) == []
    board.page.get_by_role("dialog").get_by_role("button", name="Block").click()
    expect(board.page.locator(".toast")).to_be_visible()
    assert grave(board, axe) == []
    daemon.stop()
    expect(board.page.locator("#pulse-text")).to_have_text("The daemon does not answer")
    board.page.locator('nav a[href="#/recommendations"]').click()
    expect(board.page.get_by_role("alert").first).to_be_visible()
    assert grave(board, axe) == []


def test_axe_would_see_a_mistake(lively, opened, axe):
    board = opened(lively)
    board.settled()
    board.page.evaluate(
        "document.querySelector('#theme').closest('label').querySelector('.hidden').remove()"
    )
    board.page.evaluate("document.querySelector('#theme').removeAttribute('title')")
    assert [each[1] for each in grave(board, axe)] == ["select-name"]
