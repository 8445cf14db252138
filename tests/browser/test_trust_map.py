"""The trust map: oneself in the middle, rings by hops, merit, score and suspicion to be seen."""

from __future__ import annotations

import math
import re

import neighbourhood
import pytest
from daemon_process import until
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


@pytest.fixture
def board(lively, opened):
    made = opened(lively)
    made.show("trust").locator(".ringmap").wait_for()
    return made


def node(board, peer: str):
    return board.page.locator(f'.node[data-peer="{peer}"]')


def place(board, peer: str) -> tuple[float, float]:
    said = node(board, peer).get_attribute("transform")
    x, y = re.findall(r"-?[\d.]+", said)
    return float(x), float(y)


def distance(board, peer: str) -> float:
    return math.hypot(*place(board, peer))


def test_one_stands_in_the_middle_and_peers_on_rings_by_hops(lively, board):
    assert distance(board, lively.peer) == 0
    rings = [
        {round(distance(board, peer)) for peer in peers}
        for peers in (
            neighbourhood.FRIENDS,
            ("eva", "finn", neighbourhood.FOOLED, "hana"),
            ("ivo", *neighbourhood.SYBILS),
        )
    ]
    assert [len(each) for each in rings] == [1, 1, 1]
    radii = [each.pop() for each in rings]
    assert radii == sorted(radii)
    assert len(set(radii)) == 3
    drawn = board.page.locator(".ring").evaluate_all(
        "all => all.map((each) => +each.getAttribute('r'))"
    )
    assert sorted(set(map(round, drawn)))[:3] == radii
    board.shot("trust-light")


def test_who_has_more_merit_has_thicker_lines_and_larger_marks(lively, board):
    merits = {
        each["peer"]: each["merit"] for each in lively.asked("GET", "/api/v1/trust")[1]["nodes"]
    }
    size = "each => each.querySelector('.halo').getBBox().width"
    high, low = "ann", "sybil-00"
    assert merits[high] > 2 * merits[low]
    assert node(board, high).evaluate(size) > node(board, low).evaluate(size)
    assert width(board, high) > width(board, low)


def width(board, peer: str) -> float:
    """Return the thickness of the lines that lead to a peer."""
    x, y = place(board, peer)
    return float(
        board.page.evaluate(
            """([x, y]) => [...document.querySelectorAll(".ringmap .edge")]
                .filter(({ x2, y2 }) => Math.hypot(x2.baseVal.value - x, y2.baseVal.value - y) < 1)
                .map((edge) => edge.getAttribute("stroke-width"))[0]""",
            [x, y],
        )
    )


def test_colour_is_the_score_and_linked_peers_have_a_ring(lively, board):
    (link,) = lively.asked("GET", "/api/v1/peers")[1]["links"]
    friend, stranger = node(board, link["peer"]), node(board, "ann")
    expect(friend).to_have_class(re.compile(r"score-(good|best).*linked"))
    colour = "each => getComputedStyle(each.querySelector('.shape')).fill"
    assert friend.evaluate(colour) != stranger.evaluate(colour)
    expect(stranger).not_to_have_class(re.compile("linked"))


def test_sybils_differ_in_shape_and_are_called_so(board):
    for peer in neighbourhood.SYBILS:
        assert node(board, peer).locator("polygon.shape").count() == 1
        assert "probably a Sybil" in node(board, peer).get_attribute("aria-label")
    assert node(board, "ann").locator("circle.shape").count() == 1
    assert "looks honest" in node(board, "ann").get_attribute("aria-label")


def test_choosing_a_sybil_tells_how_suspicious_it_is(board):
    node(board, "sybil-07").click()
    details = board.page.get_by_role("region", name="Details of a peer")
    expect(details.get_by_role("heading")).to_have_text("sybil-07")
    expect(details.locator(".figure.bad .value")).to_contain_text("%")
    expect(node(board, "sybil-07")).to_have_attribute("aria-pressed", "true")
    board.shot("trust-sybil")


def test_distrust_is_another_kind_of_line(board):
    expect(board.page.locator(".ringmap .edge.against").first).to_be_attached()


def test_map_is_walked_by_keyboard_from_ring_to_ring(lively, board):
    node(board, lively.peer).focus()
    board.page.keyboard.press("ArrowDown")
    first = board.page.locator(".node:focus").get_attribute("data-peer")
    assert round(distance(board, first)) == round(distance(board, "ann"))
    board.page.keyboard.press("ArrowRight")
    second = board.page.locator(".node:focus").get_attribute("data-peer")
    assert second != first
    board.page.keyboard.press("Enter")
    details = board.page.get_by_role("region", name="Details of a peer")
    expect(details.get_by_label("Your trust")).to_be_visible()
    assert board.page.locator('.node[tabindex="0"]').count() == 1


def test_trust_is_stated_by_slider_and_moves_the_peer_to_the_first_ring(lively, board):
    assert distance(board, "ivo") > distance(board, "ann") + 1
    node(board, "ivo").click()
    details = board.page.get_by_role("region", name="Details of a peer")
    slider = details.get_by_label("Your trust")
    slider.press("End")
    details.get_by_role("button", name="Save trust").click()
    expect(board.page.locator(".toast")).to_contain_text("is now 1")
    until(lambda: abs(distance(board, "ivo") - distance(board, "ann")) < 1)


def test_blocking_asks_first_and_can_be_taken_back(lively, board):
    node(board, "dan").click()
    details = board.page.get_by_role("region", name="Details of a peer")
    details.get_by_role("button", name="Block").click()
    dialog = board.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    board.shot("trust-block")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    details.get_by_role("button", name="Block").click()
    dialog.get_by_role("button", name="Block").click()
    expect(details.get_by_role("button", name="Unblock")).to_be_visible()
    expect(node(board, "dan").locator(".cross")).to_be_attached()
    details.get_by_role("button", name="Unblock").click()
    expect(node(board, "dan").locator(".cross")).to_have_count(0)


def test_table_says_the_same_as_the_map(board):
    drawn = board.page.locator(".ringmap .node").count() - 1
    table = board.page.get_by_role("region", name="The same as a table")
    while table.get_by_role("button", name="Show more").is_visible():
        table.get_by_role("button", name="Show more").click()
    assert table.get_by_role("rowheader").count() == drawn


def test_name_given_to_a_peer_is_shown_on_the_map(lively, board):
    (link,) = lively.asked("GET", "/api/v1/peers")[1]["links"]
    node(board, link["peer"]).click()
    details = board.page.get_by_role("region", name="Details of a peer")
    details.get_by_label("Your name for it").fill("Nina")
    details.get_by_role("button", name="Save name").click()
    expect(details.get_by_role("heading")).to_have_text("Nina")
    expect(node(board, link["peer"]).locator("text")).to_have_text("Nina")
