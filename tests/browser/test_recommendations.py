"""The list: its reasons, what steers it, and that it changes while somebody looks at it."""

from __future__ import annotations

import pytest
from daemon_process import until
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


@pytest.fixture
def board(lively, opened):
    made = opened(lively)
    made.settled().locator(".item").first.wait_for()
    return made


def titles(board) -> list[str]:
    return [str(text) for text in board.page.locator(".item h3").all_inner_texts()]


def item(board, title: str):
    return board.page.locator(".item").filter(has=board.page.get_by_role("heading", name=title))


def test_each_item_has_reasons_that_name_people_and_a_score_that_is_explained(board):
    for entry in board.page.locator(".item").all():
        assert entry.locator(".reasons li").count() >= 1
        assert entry.locator(".score").get_attribute("title")
    assert any(
        "whom you trust" in text for text in board.page.locator(".reasons").all_inner_texts()
    )
    board.shot("recommendations-light")


def test_why_tells_paths_and_neighbours(board):
    first = board.page.locator(".item").first
    first.get_by_text("Why?").click()
    box = first.locator(".why-box")
    expect(box).to_contain_text("place 1")
    expect(box).to_contain_text("→")
    expect(box).to_contain_text("Similar:")
    board.shot("recommendations-why")


def test_list_follows_what_another_program_records_without_a_reload(lively, board):
    board.page.evaluate("window.same = true")
    (first, *_) = titles(board)
    lively.said("record", "track:" + first.lower().replace(" ", "-"))
    expect(board.page.locator(".item h3").first).not_to_have_text(first)
    expect(item(board, first)).to_have_count(0)
    assert board.page.evaluate("window.same")


def test_list_follows_what_is_recorded_on_the_page(board):
    (_, second, *_) = titles(board)
    record = board.page.get_by_role("region", name="Record something you like")
    record.get_by_label("Item").fill("track:" + second.lower().replace(" ", "-"))
    record.get_by_role("button", name="Record").click()
    expect(board.page.locator(".toast")).to_contain_text("was recorded")
    expect(item(board, second)).to_have_count(0)


def test_nothing_is_recorded_without_a_name(board):
    record = board.page.get_by_role("region", name="Record something you like")
    record.get_by_role("button", name="Record").click()
    expect(record.locator(".complaint")).to_contain_text("Write what")
    expect(record.get_by_label("Item")).to_be_focused()


def test_more_takes_the_item_as_ones_own(board):
    wanted = titles(board)[2]
    item(board, wanted).get_by_role("button", name="More").click()
    expect(board.page.locator(".toast")).to_contain_text("will be recommended")
    expect(item(board, wanted)).to_have_count(0)


def test_less_hides_the_item_and_the_focus_goes_to_the_next(board):
    unwanted = titles(board)[1]
    item(board, unwanted).get_by_role("button", name="Less").press("Enter")
    expect(item(board, unwanted)).to_have_count(0)
    focused = board.page.locator(".item :focus")
    expect(focused).to_have_attribute("data-action", "less")


def test_mute_hides_the_item_and_can_be_taken_back_at_once_and_later(board):
    unwanted = titles(board)[0]
    item(board, unwanted).get_by_role("button", name="Mute").click()
    expect(item(board, unwanted)).to_have_count(0)
    board.page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(item(board, unwanted)).to_have_count(1)

    item(board, unwanted).get_by_role("button", name="Mute").click()
    muted = board.page.get_by_role("region", name="Muted")
    expect(muted).to_contain_text(unwanted)
    board.shot("recommendations-muted")
    board.page.reload()
    board.settled()
    muted.get_by_role("button", name="Unmute").click()
    expect(item(board, unwanted)).to_have_count(1)
    expect(muted).to_be_hidden()


def test_explore_slider_changes_the_list_and_is_kept_on_wish(lively, board):
    before = titles(board)
    slider = board.page.get_by_label("Explore")
    slider.focus()
    slider.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "100 %")
    until(lambda: titles(board) != before)
    board.page.get_by_role("button", name="Keep as my default").click()
    expect(board.page.locator(".toast")).to_contain_text("kept")
    assert lively.asked("GET", "/api/v1/settings")[1]["explore"] == 1.0
    board.shot("recommendations-explore")
    slider.press("Home")
    board.page.get_by_role("button", name="Keep as my default").click()
    board.page.reload()
    board.settled()
    expect(slider).to_have_attribute("aria-valuetext", "0 %")
