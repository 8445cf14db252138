"""An invite is drawn as a QR code that readers take."""

from __future__ import annotations

import pytest
import segno

from peerrec_node.commands.running import lines
from peerrec_node.qr_code import MARGIN, qr_lines

INVITE = "peerrec://kslt5clqowr5qqglom7i4gkrnp6tnhwegecvutwtzd4fhbspl62hlt5t@192.0.2.7:7700#main"
LIGHT = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}


@pytest.mark.parametrize("text", [INVITE, "x"])
def test_what_is_drawn_is_the_code_with_a_light_margin(text):
    drawn = list(qr_lines(text))
    rows = [[LIGHT[cell][half] for cell in line] for line in drawn for half in (0, 1)]
    code = segno.make(text, error="l", micro=False).matrix
    size = len(code)
    for y in range(-MARGIN, size + MARGIN):
        for x in range(-MARGIN, size + MARGIN):
            dark = 0 <= y < size and 0 <= x < size and code[y][x]
            assert rows[y + MARGIN][x + MARGIN] == (0 if dark else 1)


def test_a_terminal_gets_white_on_black_whatever_its_colours():
    for line in qr_lines(INVITE, coloured=True):
        assert line.startswith("\x1b[97;40m")
        assert line.endswith("\x1b[0m")


def test_a_daemon_that_nobody_can_reach_draws_nothing_and_says_so():
    facts = {"peer": "x", "invite": None, "settings": "/x.toml", "first_run": True}
    assert list(lines(facts, qr=True)) == [
        "peer      x",
        "invite    – (nobody can reach it; see --public)",
        "settings  /x.toml (new)",
    ]
    facts = {"invite": INVITE, "settings": "/x.toml", "first_run": False}
    assert len(list(lines(dict(facts), qr=False))) == 2
    assert len(list(lines(dict(facts), qr=True))) > 15
